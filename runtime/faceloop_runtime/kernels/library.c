/* Which library this is, and which one the processor can run. */
#include "kernels.h"

#if defined(_MSC_VER) && defined(_M_X64)
#include <windows.h>
#endif

/* Of the sources; the build gives it. */
EXPORT int32_t faceloop_checksum(void) { return FACELOOP_CHECKSUM; }

/* 2 where the processor and the system have AVX-512 as in x86-64-v4, 1 with AVX2 as in
   x86-64-v3, else 0. */
EXPORT int32_t faceloop_instruction_set(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") ||
        !__builtin_cpu_supports("bmi") || !__builtin_cpu_supports("bmi2"))
        return 0;
    return 1 + (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                __builtin_cpu_supports("avx512vl"));
#elif defined(_MSC_VER) && defined(_M_X64)
    if (!IsProcessorFeaturePresent(40)) /* PF_AVX2_INSTRUCTIONS_AVAILABLE */
        return 0;
    return 1 + (IsProcessorFeaturePresent(41) != 0); /* PF_AVX512F_INSTRUCTIONS_AVAILABLE */
#else
    return 0;
#endif
}
