/* The planes of a crop (imaging/channels.py), one function a family. */
#include "kernels.h"

#include <math.h>
#include <stdlib.h>

enum {
    WINDOW = 15, /* width of the local normalisation's neighbourhood */
    HALF = WINDOW / 2,
    LINES = 3 /* gradient planes beside the gradient itself */
};

/* Where pixel i of a row of this length is read: beyond its ends it is mirrored, without the
   outermost pixel (OpenCV's BORDER_REFLECT_101). */
static int64_t mirrored(int64_t i, int64_t length) {
    if (length == 1)
        return 0;
    while (i < 0 || i >= length)
        i = i < 0 ? -i : 2 * (length - 1) - i;
    return i;
}

/* Add five rows to others, or their squares. */
static void add_rows(float *restrict sums, const float *const *rows, int64_t width, int squared) {
    const float *restrict a = rows[0], *restrict b = rows[1], *restrict c = rows[2],
                *restrict d = rows[3], *restrict e = rows[4];
    if (squared)
        for (int64_t x = 0; x < width; x++)
            sums[x] += a[x] * a[x] + b[x] * b[x] + c[x] * c[x] + d[x] * d[x] + e[x] * e[x];
    else
        for (int64_t x = 0; x < width; x++)
            sums[x] += a[x] + b[x] + c[x] + d[x] + e[x];
}

/* Mean over the neighbourhood of each pixel of row y. row: width + 4 * WINDOW numbers of memory. */
static void blur_row(const float *restrict plane, int64_t height, int64_t width, int64_t y,
                     int squared, float *restrict row, float *restrict out) {
    float *restrict at = row + HALF;
    for (int64_t x = 0; x < width; x++)
        at[x] = 0.0f;
    for (int64_t k = -HALF; k <= HALF; k += 5) {
        const float *rows[5];
        for (int64_t i = 0; i < 5; i++)
            rows[i] = plane + mirrored(y + k + i, height) * width;
        add_rows(at, rows, width, squared);
    }
    for (int64_t x = 1; x <= HALF; x++) {
        at[-x] = at[mirrored(-x, width)];
        at[width - 1 + x] = at[mirrored(width - 1 + x, width)];
    }
    /* Sums of 2, 4, 8 numbers one after the other; 15 are 8 + 4 + 2 + 1. */
    for (int64_t x = 0; x < width; x++) {
        const float *r = row + x;
        const float four = (r[8] + r[9]) + (r[10] + r[11]);
        const float eight = ((r[0] + r[1]) + (r[2] + r[3])) + ((r[4] + r[5]) + (r[6] + r[7]));
        out[x] = (eight + four + (r[12] + r[13]) + r[14]) * (1.0f / (WINDOW * WINDOW));
    }
}

static void gradient(const float *restrict crop, int64_t height, int64_t width, float *restrict out,
                     float *restrict row, const double *directions) {
    const int64_t size = height * width;
    float *restrict gx = out, *restrict gy = out + size, *restrict first = out + 2 * size,
                    *restrict second = first + size, *restrict third = second + size;
    /* Differences of two pixels are twice the gradient. */
    for (int64_t i = 1; i < size - 1; i++)
        gx[i] = crop[i + 1] - crop[i - 1];
    for (int64_t y = 0; y < height; y++)
        gx[y * width] = gx[(y + 1) * width - 1] = 0.0f;
    for (int64_t i = width; i < size - width; i++)
        gy[i] = crop[i + width] - crop[i - width];
    for (int64_t x = 0; x < width; x++)
        gy[x] = gy[size - width + x] = 0.0f;
    float *restrict magnitude = third, *restrict norm = second;
    for (int64_t i = 0; i < size; i++)
        magnitude[i] = sqrtf(gx[i] * gx[i] + gy[i] * gy[i]);
    for (int64_t y = 0; y < height; y++)
        blur_row(magnitude, height, width, y, 0, row, norm + y * width);
    const float x0 = (float)directions[0], y0 = (float)directions[1], x1 = (float)directions[2],
                y1 = (float)directions[3], x2 = (float)directions[4], y2 = (float)directions[5];
    for (int64_t i = 0; i < size; i++) {
        /* 4 gray levels: the noise of a camera; flat regions stay near 0. */
        const float share = 1.0f / (norm[i] + 4.0f), x = gx[i] * share, y = gy[i] * share;
        gx[i] = x;
        gy[i] = y;
        first[i] = fabsf(x * x0 + y * y0);
        second[i] = fabsf(x * x1 + y * y1);
        third[i] = fabsf(x * x2 + y * y2);
    }
}

/* A hard comparison flips with the camera's noise; +-4 levels are let through softly. */
static inline float soft(float difference) {
    const float share = 0.25f * difference;
    return share < -1.0f ? -1.0f : share > 1.0f ? 1.0f : share;
}

static void patterns(const float *restrict crop, int64_t height, int64_t width,
                     float *restrict out) {
    const int64_t size = height * width;
    float *restrict below = out, *restrict right = out + size;
    for (int64_t i = 0; i < size - width; i++)
        below[i] = soft(crop[i + width] - crop[i]);
    for (int64_t x = 0; x < width; x++)
        below[size - width + x] = 0.0f;
    for (int64_t i = 0; i < size - 1; i++)
        right[i] = soft(crop[i + 1] - crop[i]);
    for (int64_t y = 0; y < height; y++)
        right[(y + 1) * width - 1] = 0.0f;
}

/* centred: two planes of memory. */
static void raw(const float *restrict crop, int64_t height, int64_t width, float *restrict out,
                float *restrict row, float *restrict centred) {
    float *restrict mean = row + width + 2 * WINDOW, *restrict shifted = centred + height * width;
    /* Sums of what is left of a gray level keep the digits that tell the pixels of a flat crop. */
    for (int64_t i = 0; i < height * width; i++)
        shifted[i] = crop[i] - crop[0];
    for (int64_t y = 0; y < height; y++) {
        blur_row(shifted, height, width, y, 0, row, mean);
        for (int64_t x = 0; x < width; x++)
            centred[y * width + x] = shifted[y * width + x] - mean[x];
    }
    for (int64_t y = 0; y < height; y++) {
        blur_row(centred, height, width, y, 1, row, mean);
        for (int64_t x = 0; x < width; x++)
            out[y * width + x] = centred[y * width + x] / (sqrtf(mean[x]) + 4.0f);
    }
}

/* crop: height, width. families: 0 raw, 1 gradient, 2 lbp. directions: line, (x, y). Returns 0, or
   1 if there is no memory. */
EXPORT int32_t faceloop_planes(const float *crop, int64_t height, int64_t width,
                               const int64_t *families, int64_t count, const double *directions,
                               float *out) {
    const int64_t size = height * width, rows = 2 * width + 4 * WINDOW;
    int64_t needed = rows;
    for (int64_t k = 0; k < count; k++)
        if (families[k] == 0)
            needed = rows + 2 * size;
    float *row = malloc(sizeof(float) * (size_t)needed);
    if (row == NULL)
        return 1;
    for (int64_t k = 0; k < count; k++) {
        if (families[k] == 0) {
            raw(crop, height, width, out, row, row + rows);
            out += size;
        } else if (families[k] == 1) {
            gradient(crop, height, width, out, row, directions);
            out += (2 + LINES) * size;
        } else {
            patterns(crop, height, width, out);
            out += 2 * size;
        }
    }
    free(row);
    return 0;
}
