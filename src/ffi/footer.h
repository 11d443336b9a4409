#pragma pack(pop)

/* What a host's compiler must agree on; checked when it reads this. Version 1 is built for 64 bits. */
/** @cond */
#if defined(__cplusplus)
#    define GCA_SAME(name, is) static_assert(is, "another layout of " #name " than the library's")
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#    define GCA_SAME(name, is) _Static_assert(is, "another layout of " #name " than the library's")
#else
#    define GCA_SAME(name, is) typedef char gca_same_##name[(is) ? 1 : -1]
#endif
GCA_SAME(gca_status, sizeof(gca_status) == 4);
GCA_SAME(gca_event_kind, sizeof(gca_event_kind) == 4);
GCA_SAME(gca_handle, sizeof(gca_handle) == 8);
GCA_SAME(pointer, sizeof(void *) == 8);
GCA_SAME(gca_str, sizeof(gca_str) == 16);
GCA_SAME(gca_state, sizeof(gca_state) == 72);
GCA_SAME(gca_event, sizeof(gca_event) == 544);
GCA_SAME(gca_log, sizeof(gca_log) == 56);
GCA_SAME(gca_host, sizeof(gca_host) == 48);
GCA_SAME(gca_api, sizeof(gca_api) == 144);
#undef GCA_SAME
/** @endcond */

#endif /* GENESYS_CLOUD_ADAPTER_H */
