// What the C++ header and the loader of docs/INSTALL.md take of Microsoft's header of this name, for tests/abi_msvc.rs; with the macros of the real one that
// are in the way of names, if they are not kept out.
#pragma once
#ifndef NOMINMAX
#define min(a, b) (((a) < (b)) ? (a) : (b))
#define max(a, b) (((a) > (b)) ? (a) : (b))
#endif
#define near
#define far
#define small char
#define interface struct
#define IN
#define OUT
#define CONST const
#define ERROR 0
#ifdef __cplusplus
extern "C" {
#endif
typedef struct HINSTANCE__ { int unused; } *HMODULE;
typedef long long(__stdcall *FARPROC)();
__declspec(dllimport) HMODULE __stdcall LoadLibraryA(const char *);
#ifdef __cplusplus
__declspec(dllimport) HMODULE __stdcall LoadLibraryW(const wchar_t *);
#endif
__declspec(dllimport) FARPROC __stdcall GetProcAddress(HMODULE, const char *);
__declspec(dllimport) unsigned long __stdcall GetLastError(void);
#ifdef __cplusplus
}
#endif
