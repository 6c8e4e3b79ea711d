/** An object whose properties processes share, under a name. */

import { type InspectOptions, inspect } from 'node:util';
import { invalidType } from '../errors.js';
import { consoleForm, type Facts } from '../memory/console-form.js';
import type { AttachOptions, CreateOptions, Size } from '../options.js';
import { attachMap, createMap, type OpenedMap, openMap } from './map-opening.js';
import type { MapAttachOptions, MapCreateOptions, MapHandleOptions } from './map-shape.js';
import { SharedMap } from './shared-map.js';

/** Options for making a Namespace; with `open` they must agree with one that exists. */
export interface NamespaceCreateOptions extends CreateOptions, MapHandleOptions {
  /** How large it may become: bytes from 4,096, or a string such as `'1MB'` (the default). Memory is taken as it grows. */
  maxBytes?: Size;
}

/** Options for attaching. */
export type NamespaceAttachOptions = AttachOptions & MapHandleOptions;

/** What a namespace has beside its properties; no property can have one of these names. */
export interface NamespaceHandle {
  /** The object's name, with its slash. */
  readonly name: string;
  /** True after {@link close}; everything else throws `ClosedError` then. */
  readonly closed: boolean;
  /** Gives this handle back. Idempotent, does not block. */
  close(): void;
  /** As {@link close}: for `using`. */
  [Symbol.dispose](): void;
}

const OWN: ReadonlySet<PropertyKey> = new Set(['name', 'closed', 'close', 'constructor', Symbol.dispose]);
const DEFAULT_BYTES = 1024 * 1024;
/** So many properties are shown by console.log. */
const MOST_SHOWN = 100;
const maps = new WeakMap<object, SharedMap<string, unknown>>();

/**
 * An object whose properties are shared by all processes that open its name: what one assigns, the others read. Python's
 * `Manager().Namespace()`, without a server.
 *
 * ```js
 * const { Namespace, unlink } = require('isthmus');
 * const settings = Namespace.open('example-settings');
 * settings.level = 'debug';
 * settings.limits = { requests: 100 };
 * console.log(settings.level, Object.keys(settings).length); // debug 2
 * Namespace.map(settings).add('visits', 1); // `settings.visits += 1` could lose what others add meanwhile
 * settings.close();
 * unlink('example-settings');
 * ```
 *
 * Reading gives a copy: `settings.limits.requests = 5` changes the copy; assign the whole value instead. Each assignment is
 * atomic, and whoever is killed in one leaves the old value. A value can be what a `SharedMap` takes: anything but
 * `undefined` and functions. Property names are strings; `name`, `close`, `closed` and `constructor` are taken. Reading and
 * writing throw and block as `SharedMap`'s `get` and `set` do.
 */
export class Namespace {
  private constructor() {
    throw invalidType('a namespace', 'made with Namespace.create, attach or open', 'new Namespace()');
  }

  /** Makes a new namespace. Throws as {@link SharedMap.create}. */
  static create<T extends object = Record<string, unknown>>(
    name: string,
    options?: NamespaceCreateOptions,
  ): T & NamespaceHandle {
    const given = checked(options);
    const maxBytes = given.maxBytes ?? DEFAULT_BYTES;
    return Namespace.#over<T>(
      createMap('namespace', name, { ...given, maxBytes } as MapCreateOptions<never>),
    );
  }

  /** Attaches to a namespace that exists. Throws as {@link SharedMap.attach}. */
  static attach<T extends object = Record<string, unknown>>(
    name: string,
    options?: NamespaceAttachOptions,
  ): T & NamespaceHandle {
    return Namespace.#over<T>(attachMap('namespace', name, options as MapAttachOptions<never>));
  }

  /** Attaches if the name exists (what the options say must agree), creates it otherwise; without a race. */
  static open<T extends object = Record<string, unknown>>(
    name: string,
    options?: NamespaceCreateOptions & AttachOptions,
  ): T & NamespaceHandle {
    const given = checked(options) as MapCreateOptions<never>;
    // Its size matters only when it is made.
    const defaults = given.maxBytes === undefined ? { maxBytes: DEFAULT_BYTES } : {};
    return Namespace.#over<T>(openMap('namespace', name, given, defaults));
  }

  /** The map behind a namespace, for what takes more than an assignment: `add`, `update`, `transaction`, `changes`. */
  static map<T extends object>(
    namespace: T & NamespaceHandle,
  ): SharedMap<keyof T & string, T[keyof T & string]> {
    const map = maps.get(namespace);
    if (map === undefined) throw invalidType('namespace', 'what Namespace.open returned', namespace);
    return map as unknown as SharedMap<keyof T & string, T[keyof T & string]>;
  }

  static #over<T extends object>(opened: OpenedMap): T & NamespaceHandle {
    const map = SharedMap.over<string, unknown>(opened);
    const target = Object.create(Namespace.prototype) as object;
    // util.inspect looks at the target of a proxy.
    const show = (depth: number, options: InspectOptions): string =>
      consoleForm(
        target,
        () => map,
        () => propertiesOf(map),
        depth,
        options,
      );
    Object.defineProperty(target, inspect.custom, { value: show, configurable: true });
    const proxy = new Proxy(target, handlerFor(map)) as T & NamespaceHandle;
    maps.set(proxy, map);
    return proxy;
  }
}

/** What console.log shows of it. */
function propertiesOf(map: SharedMap<string, unknown>): Facts {
  try {
    return Object.fromEntries(map.glance(MOST_SHOWN).map(([key, read]) => [String(key), read]));
  } catch (error) {
    const refuse = (): never => {
      throw error;
    };
    return { properties: refuse };
  }
}

function checked<O extends object>(options: O | undefined): Partial<O> {
  if (options !== undefined && (typeof options !== 'object' || options === null || Array.isArray(options)))
    throw invalidType('options', 'an object', options);
  return options ?? {};
}

function handlerFor(map: SharedMap<string, unknown>): ProxyHandler<object> {
  const own = (property: PropertyKey): unknown => {
    switch (property) {
      case 'name':
        return map.name;
      case 'closed':
        return map.closed;
      case 'close':
      case Symbol.dispose:
        return () => map.close();
      case 'constructor':
        return Namespace;
      case Symbol.toPrimitive:
        return () => '[object Namespace]';
      case Symbol.toStringTag:
        return 'Namespace';
      default:
        return undefined;
    }
  };
  const refuse = (property: PropertyKey): never => {
    throw invalidType(
      'the name of a property',
      `a string other than ${[...OWN].map(String).join(', ')}`,
      typeof property === 'symbol' ? property.toString() : property,
    );
  };
  const set = (property: PropertyKey, value: unknown): boolean => {
    if (typeof property !== 'string' || OWN.has(property)) refuse(property);
    map.set(property as string, value);
    return true;
  };
  return {
    get: (_, property) =>
      typeof property === 'symbol' || OWN.has(property) ? own(property) : map.get(property),
    set: (_, property, value) => set(property, value),
    has: (_, property) => OWN.has(property) || (typeof property === 'string' && map.has(property)),
    deleteProperty(_, property) {
      if (typeof property !== 'string' || OWN.has(property)) refuse(property);
      map.delete(property as string);
      return true;
    },
    ownKeys: () => [...map.keys()].filter((key) => typeof key === 'string'), // the map behind it takes others
    getOwnPropertyDescriptor(_, property) {
      if (typeof property !== 'string' || OWN.has(property)) return undefined;
      const value = map.get(property);
      return value === undefined
        ? undefined
        : { value, writable: true, enumerable: true, configurable: true };
    },
    defineProperty(_, property, { get, set: setter, value }) {
      if (get !== undefined || setter !== undefined)
        throw invalidType(
          'a property of a namespace',
          'a value (accessors are functions, which cannot be shared)',
          get ?? setter,
        );
      return set(property, value);
    },
    setPrototypeOf: () => false,
    preventExtensions() {
      throw invalidType('a namespace', 'left extensible: others may add properties', 'frozen');
    },
  };
}
