/* What Windows shows in the properties of a file. `program LIBRARY`. Prints the version as numbers, the type, and each
 * text, one a line. */
#include <stdio.h>
#include <windows.h>

int main(int count, char **words) {
    static const char *const TEXTS[] = {"CompanyName",     "FileDescription",  "FileVersion", "InternalName",
                                        "LegalCopyright",  "OriginalFilename", "ProductName", "ProductVersion"};
    static char block[65536];
    VS_FIXEDFILEINFO *fixed;
    WORD *language;
    UINT length;
    if (count != 2 || !GetFileVersionInfoA(words[1], 0, sizeof block, block)) return 1;
    if (!VerQueryValueA(block, "\\", (void **)&fixed, &length)) return 2;
    printf("%u.%u.%u.%u type %u\n", HIWORD(fixed->dwFileVersionMS), LOWORD(fixed->dwFileVersionMS),
           HIWORD(fixed->dwFileVersionLS), LOWORD(fixed->dwFileVersionLS), (unsigned)fixed->dwFileType);
    if (!VerQueryValueA(block, "\\VarFileInfo\\Translation", (void **)&language, &length)) return 3;
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; ++i) {
        char path[128], *text;
        snprintf(path, sizeof path, "\\StringFileInfo\\%04x%04x\\%s", language[0], language[1], TEXTS[i]);
        if (!VerQueryValueA(block, path, (void **)&text, &length)) return 4;
        printf("%s: %s\n", TEXTS[i], text);
    }
    return 0;
}
