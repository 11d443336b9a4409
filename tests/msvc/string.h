// What the loader of docs/INSTALL.md takes of Microsoft's header of this name, for tests/abi_msvc.rs.
#pragma once
#include <stddef.h>
void *__cdecl memset(void *what, int byte, size_t size);
