/* Small crops of a picture round a face, and where in one of them another is: track/appearance.py
   says what for. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "vector.h"

/* Interpolate between four pixels; beyond the edge the last ones repeat. As OpenCV does, which is
   as fast by itself, but has to be called.

   matrix: (2, 3), from pixels of out (size, size) to those of in (height, width). */
static void warp(const float *restrict in, int64_t height, int64_t width, const double *matrix,
                 int64_t size, float *restrict out) {
    const float right = (float)(width - 1), bottom = (float)(height - 1);
    const int32_t last_x = (int32_t)width - 1, last_y = (int32_t)height - 1, stride = (int32_t)width;
    const float step_x = (float)matrix[0], step_y = (float)matrix[3];
    for (int64_t row = 0; row < size; row++, out += size) {
        /* In floats from the whole pixel nearest to where the row begins: they are exact there. */
        const double from_x = matrix[1] * (double)row + matrix[2];
        const double from_y = matrix[4] * (double)row + matrix[5];
        const float whole_x = (float)floor(from_x), whole_y = (float)floor(from_y);
        const float rest_x = (float)(from_x - whole_x), rest_y = (float)(from_y - whole_y);
        for (int32_t column = 0; column < (int32_t)size; column++) {
            float x = rest_x + step_x * (float)column + whole_x;
            float y = rest_y + step_y * (float)column + whole_y;
            x = x > 0.0f ? x : 0.0f;
            y = y > 0.0f ? y : 0.0f;
            x = x < right ? x : right;
            y = y < bottom ? y : bottom;
            const int32_t x0 = (int32_t)x, y0 = (int32_t)y;
            const int32_t across = x0 < last_x, down = y0 < last_y ? stride : 0;
            const int32_t at = y0 * stride + x0;
            const float share_x = x - (float)x0, share_y = y - (float)y0;
            const float top = in[at] + share_x * (in[at + across] - in[at]);
            const float under = in[at + down] + share_x * (in[at + down + across] - in[at + down]);
            out[column] = top + share_y * (under - top);
        }
    }
}

/* Means of squares of `by` pixels, as whole numbers, as OpenCV rounds them. */
static void reduce(const uint8_t *picture, int64_t stride, int64_t by, int64_t down, int64_t across,
                   uint32_t *restrict sums, float *restrict out) {
    const float share = 1.0f / (float)(by * by);
    for (int64_t y = 0; y < down; y++, out += across) {
        memset(sums, 0, (size_t)(across * by) * sizeof *sums);
        for (int64_t i = 0; i < by; i++, picture += stride)
            for (int64_t x = 0; x < across * by; x++) sums[x] += picture[x];
        for (int64_t x = 0; x < across; x++) {
            uint32_t sum = 0;
            for (int64_t i = 0; i < by; i++) sum += sums[x * by + i];
            out[x] = by == 2 ? (float)((sum + 2) / 4) : nearbyintf((float)sum * share);
        }
    }
}

/* A small crop (size, size): of a part (down * by, across * by) of a picture, reduced by a whole
   number. matrix: to pixels of the reduced part. */
EXPORT int32_t faceloop_reduced_crop(const uint8_t *part, int64_t stride, int64_t by, int64_t down,
                                     int64_t across, const double *matrix, int64_t size, float *crop) {
    float *small = malloc((size_t)(down * across) * sizeof *small + (size_t)(across * by) * sizeof(uint32_t));
    if (small == NULL) return 0;
    reduce(part, stride, by, down, across, (uint32_t *)(small + down * across), small);
    warp(small, down, across, matrix, size, crop);
    free(small);
    return 1;
}

/* Sums over each square of side `side`, of values of a picture (large, large) or their squares less
   128: (places, places). rows: large numbers. */
static void box_sums(const float *restrict picture, int64_t large, int64_t side, int squared,
                     double *restrict rows, double *restrict out) {
    const int64_t places = large - side + 1;
    for (int64_t y = 0; y < places; y++) {
        memset(rows, 0, (size_t)large * sizeof *rows);
        for (int64_t i = 0; i < side; i++) {
            const float *restrict row = picture + (y + i) * large;
            for (int64_t x = 0; x < large; x++) {
                const float value = row[x] - 128.0f;
                rows[x] += squared ? value * value : value;
            }
        }
        double sum = 0.0;
        for (int64_t x = 0; x < side - 1; x++) sum += rows[x];
        for (int64_t x = 0; x < places; x++) {
            sum += rows[x + side - 1];
            out[y * places + x] = sum;
            sum -= rows[x];
        }
    }
}

/* Sums of products of a picture (side, side) with each place in a row of another, LANES together.
   at: where the row begins; what lies beyond it is computed, too, and must be there. */
static vec products(const float *picture, int64_t side, const float *at, int64_t large) {
    vec sum = vec_all(0.0f), other = vec_all(0.0f);
    for (int64_t i = 0; i < side; i++, at += large, picture += side) {
        int64_t j = 0;
        for (; j + 2 <= side; j += 2) {
            sum = vec_madd(vec_all(picture[j]), vec_load(at + j), sum);
            other = vec_madd(vec_all(picture[j + 1]), vec_load(at + j + 1), other);
        }
        if (j < side) sum = vec_madd(vec_all(picture[j]), vec_load(at + j), sum);
    }
    return vec_madd(other, vec_all(1.0f), sum);
}

/* Normalised correlation of a picture (small, small) with each place of another (large, large),
   written (large - small + 1) squared; 0 where nothing is to be seen. */
EXPORT int32_t faceloop_correlations(int64_t large, int64_t small, const float *around,
                                     const float *wanted, float *out) {
    const int64_t places = large - small + 1, area = small * small, size = large * large;
    double *sums = malloc((size_t)(2 * places * places + large) * sizeof *sums +
                          (size_t)(area + size + LANES) * sizeof(float));
    if (sums == NULL) return 0;
    double *squares = sums + places * places, *rows = squares + places * places;
    float *centred = (float *)(rows + large), *padded = centred + area;
    double mean = 0.0, spread = 0.0;
    for (int64_t i = 0; i < area; i++) mean += wanted[i];
    mean /= (double)area;
    for (int64_t i = 0; i < area; i++) {
        centred[i] = (float)(wanted[i] - mean);
        spread += (double)centred[i] * centred[i];
    }
    memcpy(padded, around, (size_t)size * sizeof *padded);
    memset(padded + size, 0, LANES * sizeof *padded);
    box_sums(around, large, small, 0, rows, sums);
    box_sums(around, large, small, 1, rows, squares);
    for (int64_t y = 0; y < places; y++)
        for (int64_t x = 0; x < places; x += LANES) {
            float both[LANES];
            vec_store(both, products(centred, small, padded + y * large + x, large));
            for (int64_t k = 0; k < LANES && x + k < places; k++) {
                const int64_t at = y * places + x + k;
                const double own = squares[at] - sums[at] * sums[at] / (double)area;
                const double most = sqrt(fmax(own, 0.0) * spread);
                /* Of a flat part a difference of rounded sums is left: it says nothing. */
                out[at] = own > 1e-7 * squares[at] && most > 0.0
                              ? (float)fmin(fmax(both[k] / most, -1.0), 1.0)
                              : 0.0f;
            }
        }
    free(sums);
    return 1;
}
