/* What all kernels share. C11; a compiler turns the inner loops into vectors by itself. */
#ifndef FACELOOP_KERNELS_H
#define FACELOOP_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#ifdef _MSC_VER
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

/* A loop of known length is unrolled by GCC before it could become vectors. */
#ifdef __GNUC__
#define VECTORS _Pragma("GCC unroll 1")
#else
#define VECTORS
#endif

#endif
