// What the C header takes of Microsoft's header of this name, for tests/abi_msvc.rs.
#pragma once
#ifdef _WIN64
typedef unsigned __int64 size_t;
#else
typedef unsigned int size_t;
#endif
#define offsetof(s, m) __builtin_offsetof(s, m)
