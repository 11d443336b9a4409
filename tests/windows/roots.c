/* The authorities that Windows trusts, for this account. `program add|remove FILE`, FILE: a certificate in PEM. */
#include <stdio.h>
#include <string.h>
#include <windows.h>

#include <wincrypt.h>

int main(int count, char **words) {
    static char pem[16384];
    static BYTE der[16384];
    DWORD length = sizeof der;
    if (count != 3) return 1;
    FILE *file = fopen(words[2], "rb");
    if (file == NULL) return 2;
    pem[fread(pem, 1, sizeof pem - 1, file)] = '\0';
    fclose(file);
    if (!CryptStringToBinaryA(pem, 0, CRYPT_STRING_BASE64HEADER, der, &length, NULL, NULL)) return 3;
    const HCERTSTORE store =
        CertOpenStore(CERT_STORE_PROV_SYSTEM_REGISTRY_A, 0, 0, CERT_SYSTEM_STORE_CURRENT_USER, "Root");
    const CERT_CONTEXT *const root = CertCreateCertificateContext(X509_ASN_ENCODING, der, length);
    if (store == NULL || root == NULL) return 4;
    if (strcmp(words[1], "add") == 0) {
        if (!CertAddCertificateContextToStore(store, root, CERT_STORE_ADD_REPLACE_EXISTING, NULL)) return 5;
    } else {
        const CERT_CONTEXT *const found =
            CertFindCertificateInStore(store, X509_ASN_ENCODING, 0, CERT_FIND_EXISTING, root, NULL);
        if (found == NULL || !CertDeleteCertificateFromStore(found)) return 6;
    }
    CertFreeCertificateContext(root);
    return CertCloseStore(store, 0) ? 0 : 7;
}
