// Keeps one binary loadable on systems with an older C and C++ library than the compiler's: the headers of newer GCCs
// refer to two symbols that glibc before 2.32 and libstdc++ before GCC 11 do not have. Defined here they are found
// inside the addon, which does not export them (native/exports.map).
#include <new>

#if defined(__linux__) && defined(__GLIBCXX__)

// 0: reference counts are always changed atomically.
extern "C" char __libc_single_threaded;
char __libc_single_threaded = 0;

namespace std {
[[noreturn]] void __throw_bad_array_new_length() { throw bad_array_new_length(); }
}  // namespace std

#endif
