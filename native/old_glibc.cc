// One binary for every glibc from 2.28 on, whichever is installed where it is built.
//
// A function that glibc has moved or changed since then carries a newer symbol version when it is linked today, and an
// older glibc refuses to load the binary for that. The functions below have the names of these; they stay inside the
// addon, so both our code and the C++ library linked into it get them, and they call the versions that every glibc has.
// Before glibc 2.34 those lie in libpthread and libdl, which every Node.js has loaded. scripts/check-symbols.mjs fails
// when the binary needs anything newer: then its name belongs here.
#include <features.h>

#if defined(__x86_64__)
#define ISTHMUS_OLDEST "GLIBC_2.2.5"
#elif defined(__aarch64__)
#define ISTHMUS_OLDEST "GLIBC_2.17"
#endif

// Elsewhere the addon is built where it runs. A sanitizer replaces these functions itself.
#if defined(__GLIBC__) && defined(ISTHMUS_OLDEST) && !defined(__SANITIZE_ADDRESS__)

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdint>
#include <cstdlib>

#define OLD(name)                       \
  extern "C" decltype(name) old_##name; \
  __asm__(".symver old_" #name "," #name "@" ISTHMUS_OLDEST)

OLD(dlsym);
OLD(pthread_attr_setstacksize);
OLD(pthread_create);
OLD(pthread_detach);
OLD(pthread_join);
OLD(pthread_key_create);
OLD(pthread_once);
OLD(pthread_sigmask);
OLD(sem_close);
OLD(sem_getvalue);
OLD(sem_open);
OLD(sem_post);
OLD(sem_timedwait);
OLD(sem_trywait);
OLD(sem_unlink);

// ---- moved into libc.so.6 by 2.32 and 2.34

extern "C" {

void* dlsym(void* __restrict handle, const char* __restrict name) noexcept { return old_dlsym(handle, name); }

int pthread_attr_setstacksize(pthread_attr_t* attributes, size_t bytes) noexcept {
  return old_pthread_attr_setstacksize(attributes, bytes);
}

int pthread_create(pthread_t* __restrict thread, const pthread_attr_t* __restrict attributes,
                   void* (*run)(void*), void* __restrict argument) noexcept {
  return old_pthread_create(thread, attributes, run, argument);
}

int pthread_detach(pthread_t thread) noexcept { return old_pthread_detach(thread); }

int pthread_join(pthread_t thread, void** result) { return old_pthread_join(thread, result); }

/** The name under which the C++ library calls pthread_key_create. */
int __pthread_key_create(pthread_key_t* key, void (*destroy)(void*)) noexcept {
  return old_pthread_key_create(key, destroy);
}

int pthread_once(pthread_once_t* once, void (*run)()) { return old_pthread_once(once, run); }

int pthread_sigmask(int how, const sigset_t* __restrict set, sigset_t* __restrict before) noexcept {
  return old_pthread_sigmask(how, set, before);
}

int sem_close(sem_t* semaphore) noexcept { return old_sem_close(semaphore); }

int sem_getvalue(sem_t* __restrict semaphore, int* __restrict value) noexcept {
  return old_sem_getvalue(semaphore, value);
}

sem_t* sem_open(const char* name, int flags, ...) noexcept {
  if ((flags & O_CREAT) == 0) return old_sem_open(name, flags);
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = va_arg(rest, mode_t);
  const unsigned value = va_arg(rest, unsigned);
  va_end(rest);
  return old_sem_open(name, flags, mode, value);
}

int sem_post(sem_t* semaphore) noexcept { return old_sem_post(semaphore); }

int sem_timedwait(sem_t* __restrict semaphore, const timespec* __restrict deadline) {
  return old_sem_timedwait(semaphore, deadline);
}

int sem_trywait(sem_t* semaphore) noexcept { return old_sem_trywait(semaphore); }

int sem_unlink(const char* name) noexcept { return old_sem_unlink(name); }

// ---- new since then

/** 2.33; an inline function before. On both architectures the kernel's struct stat is the C library's. */
int fstat64(int fd, struct stat64* status) noexcept {
  return static_cast<int>(syscall(SYS_fstat, fd, status));
}

/** 2.32; lets the C++ library do without atomic instructions. Node.js always has several threads. */
__attribute__((visibility("hidden"))) char __libc_single_threaded = 0;

/** 2.36; in std::random_device, which comes along with the C++ library and which nobody calls. */
uint32_t arc4random() noexcept {
  uint32_t random = 0;
  if (getrandom(&random, sizeof random, 0) != sizeof random) abort();
  return random;
}

/** 2.35; finds the code that an exception passes through. Without it a stray exception ends the process, as it does. */
struct dl_find_object;
int _dl_find_object(void* address, struct dl_find_object* result) noexcept {
  using Find = int (*)(void*, struct dl_find_object*);
  static const Find find = reinterpret_cast<Find>(dlsym(RTLD_DEFAULT, "_dl_find_object"));
  return find == nullptr ? -1 : find(address, result);
}

}  // extern "C"

#endif
