/** From a name and options to a map, or to a namespace, which is a map of a kind of its own. */

import { registerDescriber } from '../memory/directory.js';
import { attachSegment, createSegment, openSegment, type Segment } from '../memory/segment.js';
import { codecFor } from '../messages/codec-agreement.js';
import type { InnerCodec } from '../messages/codecs.js';
import { checkObjectName } from '../options.js';
import { describeMap, mapActivity } from './map-description.js';
import {
  agreeOnMap,
  checkMapWish,
  type MapAttachOptions,
  type MapCreateOptions,
  type MapShape,
  type MapWish,
  mapShapeFor,
  mapType,
} from './map-shape.js';

registerDescriber('map', describeMap, mapActivity);
registerDescriber('namespace', describeMap, mapActivity);
const MAP_TYPES = { map: mapType('map'), namespace: mapType('namespace') };
type MapKind = keyof typeof MAP_TYPES;

/** What a handle is made from. */
export interface OpenedMap {
  readonly segment: Segment;
  readonly shape: MapShape;
  readonly codec: InnerCodec;
  readonly timeout: number;
}

export function createMap(
  kind: MapKind,
  name: string,
  options: MapCreateOptions<never> | undefined,
): OpenedMap {
  const bare = checkObjectName(name);
  const wish = checkMapWish(kind, options, true, false);
  const shape = mapShapeFor(wish);
  return opened(createSegment(bare, MAP_TYPES[kind], shape, wish.rest), shape, wish);
}

export function attachMap(
  kind: MapKind,
  name: string,
  options: MapAttachOptions<never> | undefined,
): OpenedMap {
  const bare = checkObjectName(name);
  const wish = checkMapWish(kind, options, false, true);
  const { segment, shape } = attachSegment(bare, MAP_TYPES[kind], wish.rest, (found) =>
    agreeOnMap(`/${bare}`, found, wish),
  );
  return opened(segment, shape, wish);
}

/** `defaults`: what counts only if this makes it. */
export function openMap(
  kind: MapKind,
  name: string,
  options: (MapCreateOptions<never> & MapAttachOptions<never>) | undefined,
  defaults: Partial<MapShape> = {},
): OpenedMap {
  const bare = checkObjectName(name);
  const wish = checkMapWish(kind, options, true, true);
  const { segment, shape } = openSegment(
    bare,
    MAP_TYPES[kind],
    wish.rest,
    (found) => agreeOnMap(`/${bare}`, found, wish),
    () => ({ ...mapShapeFor(wish), ...defaults }),
  );
  return opened(segment, shape, wish);
}

function opened(segment: Segment, shape: MapShape, wish: MapWish): OpenedMap {
  return { segment, shape, codec: codecFor(shape, wish), timeout: wish.timeout };
}
