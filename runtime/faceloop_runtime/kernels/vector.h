/* As many floats as the processor has in a register, for loops that a compiler does not turn into
   vectors well by itself. */
#ifndef FACELOOP_VECTOR_H
#define FACELOOP_VECTOR_H

#include "kernels.h"

#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX2__)
#define LANES 8
#else
#define LANES 4
#endif

/* Whether there are 32 registers of them. */
#define WIDE (LANES == 16 || defined(__aarch64__))

/* Before a loop of few, constant steps over an array that shall lie in registers. */
#if defined(__clang__)
#define UNROLLED _Pragma("clang loop unroll(full)")
#elif defined(__GNUC__)
#define UNROLLED _Pragma("GCC unroll 16")
#else
#define UNROLLED
#endif

#if defined(__GNUC__)
#include <string.h>

typedef float vec __attribute__((vector_size(4 * LANES)));

static inline vec vec_load(const float *from) {
    vec value;
    memcpy(&value, from, sizeof value);
    return value;
}
static inline void vec_store(float *to, vec value) { memcpy(to, &value, sizeof value); }
static inline vec vec_all(float value) { return value - (vec){0}; }
/* Keep a value in a register that GCC would load from memory again for each use. */
#if defined(__x86_64__)
#define vec_keep(value) __asm__("" : "+x"(value))
#else
#define vec_keep(value)
#endif
/* a * b + c, in one rounding where the processor can. */
static inline vec vec_madd(vec a, vec b, vec c) { return a * b + c; }

/* Of double precision, half as many. */
typedef double vec_double __attribute__((vector_size(4 * LANES)));

static inline vec_double double_load(const double *from) {
    vec_double value;
    memcpy(&value, from, sizeof value);
    return value;
}
static inline void double_store(double *to, vec_double value) { memcpy(to, &value, sizeof value); }
static inline vec_double double_all(double value) { return value - (vec_double){0}; }
static inline vec_double double_madd(vec_double a, vec_double b, vec_double c) { return a * b + c; }

#else /* MSVC, x86-64 */
#include <immintrin.h>

#define vec_keep(value)
#if LANES == 16
typedef __m512 vec;
#define vec_load _mm512_loadu_ps
#define vec_store _mm512_storeu_ps
#define vec_all _mm512_set1_ps
#define vec_madd _mm512_fmadd_ps
typedef __m512d vec_double;
#define double_load _mm512_loadu_pd
#define double_store _mm512_storeu_pd
#define double_all _mm512_set1_pd
#define double_madd _mm512_fmadd_pd
#elif LANES == 8
typedef __m256 vec;
#define vec_load _mm256_loadu_ps
#define vec_store _mm256_storeu_ps
#define vec_all _mm256_set1_ps
#define vec_madd _mm256_fmadd_ps
typedef __m256d vec_double;
#define double_load _mm256_loadu_pd
#define double_store _mm256_storeu_pd
#define double_all _mm256_set1_pd
#define double_madd _mm256_fmadd_pd
#elif defined(_M_X64)
typedef __m128 vec;
#define vec_load _mm_loadu_ps
#define vec_store _mm_storeu_ps
#define vec_all _mm_set1_ps
#define vec_madd(a, b, c) _mm_add_ps(_mm_mul_ps(a, b), c)
typedef __m128d vec_double;
#define double_load _mm_loadu_pd
#define double_store _mm_storeu_pd
#define double_all _mm_set1_pd
#define double_madd(a, b, c) _mm_add_pd(_mm_mul_pd(a, b), c)
#else
#error "no vectors are known for this compiler and processor"
#endif
#endif

#endif
