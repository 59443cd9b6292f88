/* Products of spectra, summed over faces: what patch experts learn from. */
#include <math.h>
#include <string.h>

#include "kernels.h"

enum { FACES = 16, MAPS = 12, TOGETHER = 16 };

/* Add the products of some faces' spectra of one landmark to its sums.

   Spectra are rounded to whole numbers first, so that sums of products are exact in whatever order
   they are made: this is the same as NumPy's to the bit. Returns 0, and does nothing, if there are
   more faces or maps than there is room for.

   sums     by pair of maps i <= j, but the last with itself, and frequency: complex doubles
   stride   from one pair to the next, in complex numbers
   spectra  by face, map and frequency: complex floats
   times    how often each face counts: -1 takes it out
   scale    what spectra are multiplied by before they are rounded */
EXPORT int32_t faceloop_add_products(double *sums, int64_t stride, const float *spectra,
                                     const double *times, int64_t faces, int64_t maps,
                                     int64_t frequencies, double scale) {
    double re[MAPS][FACES][TOGETHER], im[MAPS][FACES][TOGETHER];
    if (faces > FACES || maps > MAPS)
        return 0;
    memset(re, 0, sizeof re);
    memset(im, 0, sizeof im);
    for (int64_t first = 0; first < frequencies; first += TOGETHER) {
        const int64_t left = frequencies - first, count = left < TOGETHER ? left : TOGETHER;
        for (int64_t m = 0; m < maps; m++)
            for (int64_t f = 0; f < faces; f++) {
                const float *row = spectra + 2 * ((f * maps + m) * frequencies + first);
                for (int64_t q = 0; q < count; q++) {
                    re[m][f][q] = rintf((float)scale * row[2 * q]);
                    im[m][f][q] = rintf((float)scale * row[2 * q + 1]);
                }
            }
        double *out = sums + 2 * first;
        for (int64_t i = 0; i + 1 < maps; i++)
            for (int64_t j = i; j < maps; j++, out += 2 * stride) {
                double real[TOGETHER] = {0}, imaginary[TOGETHER] = {0};
                for (int64_t f = 0; f < faces; f++)
                    for (int q = 0; q < TOGETHER; q++) {
                        const double a = times[f] * re[i][f][q], b = times[f] * im[i][f][q];
                        real[q] += a * re[j][f][q] + b * im[j][f][q];
                        imaginary[q] += a * im[j][f][q] - b * re[j][f][q];
                    }
                for (int64_t q = 0; q < count; q++) {
                    out[2 * q] += real[q];
                    out[2 * q + 1] += imaginary[q];
                }
            }
    }
    return 1;
}
