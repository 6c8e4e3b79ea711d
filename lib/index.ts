/** The public face of isthmus: shared memory, and what one builds on it, between unrelated Node.js processes. */

export type { ListAttachOptions, ListCreateOptions, ListHandleOptions } from './collections/list-shape.js';
export type { MapChange } from './collections/map-changes.js';
export type { MapKey } from './collections/map-keys.js';
export type { MapAttachOptions, MapCreateOptions, MapHandleOptions } from './collections/map-shape.js';
export { MapTransaction } from './collections/map-transaction.js';
export {
  Namespace,
  type NamespaceAttachOptions,
  type NamespaceCreateOptions,
  type NamespaceHandle,
} from './collections/namespace.js';
export { type ListChangesOptions, type ListStats, SharedList } from './collections/shared-list.js';
export {
  type MapChangesOptions,
  type MapSetOptions,
  type MapStats,
  SharedMap,
} from './collections/shared-map.js';
export {
  BrokenBarrierError,
  ClosedError,
  CorruptError,
  DeadlockError,
  ForeignError,
  FullError,
  IsthmusError,
  type IsthmusErrorCode,
  MismatchError,
  NativeError,
  NotOwnerError,
  PeerDiedError,
  RoleTakenError,
  SystemError,
  TimeoutError,
} from './errors.js';
export type { Activity, Count, Wait, Waiter } from './memory/activity.js';
export type { HeaderClaims } from './memory/claims.js';
export { collect } from './memory/collect.js';
export {
  type InspectOptions,
  inspect,
  list,
  type ObjectDetails,
  type ObjectInfo,
  type Owner,
  unlink,
} from './memory/directory.js';
export type { ObjectHeader, ObjectKind } from './memory/header.js';
export type { Holder, Participant } from './memory/roster.js';
export { SharedMemory, type SharedMemoryCreateOptions } from './memory/shared-memory.js';
export type { SharedObject } from './memory/shared-object.js';
export type { Codec, CodecName } from './messages/codecs.js';
export { Job } from './messages/job.js';
export {
  PipePort,
  type PipePortEvent,
  type PipePortHandler,
  type PipePortMessage,
} from './messages/message-port.js';
export type { PeerDeath, PeerSyncWaitOptions, PeerWaitOptions } from './messages/peer.js';
export { Pipe } from './messages/pipe.js';
export type { PipeAttachOptions, PipeCreateOptions, PipeEndOptions } from './messages/pipe-shape.js';
export { Queue } from './messages/queue.js';
export type { QueueAttachOptions, QueueCreateOptions } from './messages/queue-shape.js';
export { SpscConsumer } from './messages/spsc-consumer.js';
export { SpscProducer } from './messages/spsc-producer.js';
export { SpscQueue } from './messages/spsc-queue.js';
export type { SpscAttachOptions, SpscCreateOptions, SpscRoleOptions } from './messages/spsc-shape.js';
export type { DuplexOptions, ReadableOptions, WritableOptions } from './messages/streams.js';
export { waitAny, waitAnySync } from './messages/wait-any.js';
export type { AttachOptions, CreateOptions, Size, SyncWaitOptions, WaitOptions } from './options.js';
export { Barrier } from './sync/barrier.js';
export type { BarrierOptions } from './sync/barrier-shape.js';
export { Condition } from './sync/condition.js';
export type { ConditionLock, ConditionOptions, LockOf } from './sync/condition-shape.js';
export { Event } from './sync/event.js';
export { Guard } from './sync/guard.js';
export { Lock } from './sync/lock.js';
export type { LockObject } from './sync/lock-object.js';
export { PermitPool } from './sync/permit-pool.js';
export { RLock } from './sync/rlock.js';
export { RwLock, type RwLockSide } from './sync/rwlock.js';
export { Semaphore } from './sync/semaphore.js';
export type { SemaphoreAttachOptions, SemaphoreCreateOptions } from './sync/semaphore-opening.js';
export type {
  BigIntegerType,
  ElementInput,
  ElementOf,
  ElementType,
  ElementTypeName,
  FloatType,
  IntegerType,
  NumericType,
  PythonTypecode,
  ViewOf,
} from './values/element-types.js';
export { SharedArray, SharedArray as Array } from './values/shared-array.js';
export { SharedStruct, type StructCreateOptions } from './values/shared-struct.js';
export {
  type StructCopy,
  type StructField,
  type StructFields,
  type StructInput,
  type StructInputAt,
  type StructIntegerPath,
  type StructNumberPath,
  type StructOutputAt,
  type StructPath,
  type StructShape,
  type StructTypeAt,
  type StructValue,
  type StructValues,
  type TextType,
  text,
} from './values/struct-types.js';
export { Value, type ValueCreateOptions } from './values/value.js';
export type { WatchedObject } from './values/watched-object.js';
export type { Waitable } from './waiting/waitable.js';
