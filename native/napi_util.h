// Small helpers shared by every file of the addon: argument access, and errors that keep errno and the system call.
#pragma once

#include <napi.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

namespace isthmus {

/** Throws an Error with Node's shape: `errno` (negative) and `syscall`. JavaScript adds the code, the name and the advice. */
inline Napi::Value ThrowErrno(Napi::Env env, const char* syscall, int error = errno) {
  Napi::Error exception = Napi::Error::New(env, std::string(syscall) + ": " + std::strerror(error));
  exception.Set("errno", Napi::Number::New(env, -error));
  exception.Set("syscall", Napi::String::New(env, syscall));
  exception.ThrowAsJavaScriptException();
  return env.Undefined();
}

/** For calls that the TypeScript side should have made impossible. */
inline Napi::Value ThrowMisuse(Napi::Env env, const char* what) {
  Napi::TypeError::New(env, std::string("isthmus addon: ") + what).ThrowAsJavaScriptException();
  return env.Undefined();
}

inline bool IsInteger(const Napi::Value& value) {
  if (!value.IsNumber()) return false;
  const double number = value.As<Napi::Number>().DoubleValue();
  return number == static_cast<double>(static_cast<int64_t>(number));
}

inline int64_t ToInt64(const Napi::Value& value) { return value.As<Napi::Number>().Int64Value(); }

/**
 * The address of a 32-bit word given as (Int32Array, index). Looks the view up at every call, so that a detached or
 * shortened buffer yields nullptr (and an exception) and never a stale pointer.
 */
inline uint32_t* WordAddress(const Napi::CallbackInfo& info, size_t at) {
  Napi::Env env = info.Env();
  if (info.Length() < at + 2 || !info[at].IsTypedArray() || !IsInteger(info[at + 1])) {
    ThrowMisuse(env, "expected (Int32Array, index)");
    return nullptr;
  }
  Napi::TypedArray view = info[at].As<Napi::TypedArray>();
  const int64_t index = ToInt64(info[at + 1]);
  if (view.TypedArrayType() != napi_int32_array) {
    ThrowMisuse(env, "expected an Int32Array");
    return nullptr;
  }
  Napi::Int32Array words = view.As<Napi::Int32Array>();
  if (words.Data() == nullptr || index < 0 || static_cast<uint64_t>(index) >= words.ElementLength()) {
    ThrowMisuse(env, "the word lies outside its view (was the object closed?)");
    return nullptr;
  }
  return reinterpret_cast<uint32_t*>(words.Data()) + index;
}

/** Tests switch kernel features off with ISTHMUS_DISABLE=futex_waitv,o_tmpfile,… (read once, when the addon loads). */
bool FeatureDisabled(const char* feature);

}  // namespace isthmus
