#include "liveness.h"

#include <fcntl.h>

#include <cerrno>

#ifndef F_OFD_GETLK
#define F_OFD_GETLK 36
#define F_OFD_SETLK 37
#endif

namespace isthmus::liveness {

namespace {

struct flock Range(short type, int64_t offset, int64_t bytes) {
  struct flock lock = {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = offset;
  lock.l_len = bytes;  // 0: to the end
  lock.l_pid = 0;      // demanded by the OFD commands
  return lock;
}

int Set(int fd, short type, int64_t offset) {
  struct flock lock = Range(type, offset, 1);
  int result;
  do {
    result = fcntl(fd, F_OFD_SETLK, &lock);
  } while (result == -1 && errno == EINTR);
  if (result == 0) return 0;
  return errno == EACCES ? EAGAIN : errno;
}

}  // namespace

int TryLock(int fd, int64_t offset) { return Set(fd, F_WRLCK, offset); }

int Unlock(int fd, int64_t offset) { return Set(fd, F_UNLCK, offset); }

void UnlockAll(int fd) {
  struct flock lock = Range(F_UNLCK, 0, 0);
  fcntl(fd, F_OFD_SETLK, &lock);
}

bool HeldByOther(int fd, int64_t offset) {
  struct flock lock = Range(F_WRLCK, offset, 1);
  if (fcntl(fd, F_OFD_GETLK, &lock) == -1) return true;
  return lock.l_type != F_UNLCK;
}

}  // namespace isthmus::liveness
