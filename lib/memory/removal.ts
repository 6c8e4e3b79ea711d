/**
 * Removing a name without racing those who attach (DESIGN.md §3, "Lifetime").
 *
 * Whoever removes holds the gate byte. A removal for lack of users first marks the object condemned, then asks whether
 * anybody holds a slot; somebody who attaches locks a slot first and reads the mark afterwards. So either the remover
 * sees the newcomer's slot and gives up, or the newcomer sees the mark and starts again from the name.
 */

import { lstatSync } from 'node:fs';
import type { NativeSegment } from '../native/binding.js';
import { native } from '../native/load.js';
import { GATE_BYTE, HEADER, STATE_CONDEMNED, STATE_OPEN } from './header-layout.js';

/**
 * True while the name leads to this very file. While its gate is held, nobody who keeps to the gate changes that.
 * The file's number of links would not tell: another name may lead to it, such as the temporary one of a maker that was
 * killed, or one that a peer gave it; and what has this name by then may be somebody's new object.
 */
function leadsTo(name: string, segment: NativeSegment): boolean {
  const now = lstatSync(`/dev/shm/${name}`, { bigint: true, throwIfNoEntry: false });
  return now !== undefined && `${now.dev}:${now.ino}` === segment.stat().id;
}

/** Index of the state word in an Int32Array over the control pages. */
const STATE_INDEX = HEADER.STATE / 4;

/**
 * Removes the object if nobody is attached. The caller holds no slot. Returns whether the name is gone.
 * If we die on the way, the object is condemned with a free gate: whoever finds it calls this again.
 */
export function removeIfUnused(
  name: string,
  segment: NativeSegment,
  control: Int32Array,
  anyone: () => boolean,
): boolean {
  for (;;) {
    if (!segment.tryLock(GATE_BYTE)) return false; // whoever holds the gate looks once more after giving it back
    try {
      if (!leadsTo(name, segment)) return true;
      Atomics.store(control, STATE_INDEX, STATE_CONDEMNED); // pairs with the load in `isOpen`, after the slot is locked
      if (!anyone()) {
        native.unlink(name);
        return true;
      }
      Atomics.store(control, STATE_INDEX, STATE_OPEN);
    } finally {
      segment.unlock(GATE_BYTE);
    }
    // Somebody who left while we held the gate could not remove it: that is then for us to do.
    if (anyone()) return false;
  }
}

/** False from the moment that somebody is about to remove the object for lack of users. */
export function isOpen(control: Int32Array): boolean {
  return Atomics.load(control, STATE_INDEX) === STATE_OPEN;
}

/** Asked by a newcomer that has locked its slot: must it drop everything and start again from the name? */
export function isCondemned(name: string, segment: NativeSegment, control: Int32Array): boolean {
  return !isOpen(control) || !leadsTo(name, segment);
}

/**
 * Removes a name because the user says so, whoever is attached: they keep what they have, the name is free.
 * Returns false if the gate was busy (somebody else is removing it) or the name moved on: look again.
 */
export function removeByRequest(name: string, segment: NativeSegment): boolean {
  if (!segment.tryLock(GATE_BYTE)) return false;
  try {
    if (!leadsTo(name, segment)) return false;
    // Nobody can remove or replace the name while we hold the gate of the file behind it.
    native.unlink(name);
    return true;
  } finally {
    segment.unlock(GATE_BYTE);
  }
}
