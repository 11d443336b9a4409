/* What Windows 10 has in bcryptprimitives.dll and the wine of Debian 12 has not: the function by which Rust's standard
 * library asks for random bytes. For tests under wine, beside the program that is tested; never shipped: on Windows it
 * would take the place of the real one. */
#include <windows.h>

/* Exported by advapi32 under this name; the headers call it RtlGenRandom. */
BOOLEAN WINAPI SystemFunction036(PVOID bytes, ULONG count);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T count) {
    while (count > 0) {
        const ULONG part = count > 0x10000000u ? 0x10000000u : (ULONG)count;
        if (!SystemFunction036(bytes, part)) return FALSE;
        bytes += part;
        count -= part;
    }
    return TRUE;
}
