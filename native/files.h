// Files in /dev/shm: made without a name, opened, listed, removed.
#pragma once

#include <napi.h>

#include <string>

namespace isthmus::files {

/** The path of the file with this name (a JavaScript string). */
std::string PathOf(const Napi::Value& name);

/** The file has its own name now: its maker is not needed any more. */
void UnlockMaker(int fd);

void Init(Napi::Env env, Napi::Object exports);

}  // namespace isthmus::files
