// What the C header takes of Microsoft's header of this name, for tests/abi_msvc.rs.
#pragma once
typedef signed char int8_t;
typedef unsigned char uint8_t;
typedef int int32_t;
typedef unsigned int uint32_t;
typedef long long int64_t;
typedef unsigned long long uint64_t;
#define INT64_MIN (-9223372036854775807i64 - 1)
