/* e to the x, in loops that become vectors: the C library's takes one number at a time. */
#ifndef FACELOOP_EXPONENTIAL_H
#define FACELOOP_EXPONENTIAL_H

#include "kernels.h"

#include <string.h>

/* For x <= 0, and not a number for what is none: within 2 units in the last place; of less than
   -87 as of -87, 1.6e-38. The polynomial is that of Cephes' expf. */
static inline float exponential(float x) {
    const float some = x < -87.0f ? -87.0f : x;
    /* Added to a number so large, all behind the point is lost. */
    const float shifted = some * 1.44269504088896341f + 12582912.0f;
    const float whole = shifted - 12582912.0f;
    const float rest = (some - whole * 0.693359375f) - whole * -2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * rest + 1.3981999507e-3f;
    p = p * rest + 8.3334519073e-3f;
    p = p * rest + 4.1665795894e-2f;
    p = p * rest + 1.6666665459e-1f;
    p = p * rest + 5.0000001201e-1f;
    p = p * (rest * rest) + rest + 1.0f;
    uint32_t bits;
    float power;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits + 127u) << 23; /* the whole number lies in the last bits of the sum */
    memcpy(&power, &bits, sizeof power);
    return p * power;
}

#endif
