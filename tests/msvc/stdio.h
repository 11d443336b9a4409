// What the loader of docs/INSTALL.md takes of Microsoft's header of this name, for tests/abi_msvc.rs.
#pragma once
#include <stddef.h>
#define NULL ((void *)0)
typedef struct _iobuf FILE;
extern FILE *stderr;
int __cdecl printf(const char *format, ...);
int __cdecl fprintf(FILE *file, const char *format, ...);
FILE *__cdecl fopen(const char *name, const char *mode);
size_t __cdecl fread(void *to, size_t size, size_t count, FILE *file);
int __cdecl getchar(void);
