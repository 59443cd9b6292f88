/* What a coarse crop looks like as a whole: the channels of faceloop_runtime/imaging/channels.py,
   pooled as `whole_face_features` of quality/validator.py does. Those say what and why. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"

#define WINDOW 15 /* of the local normalisation, in pixels */
#define HALF (WINDOW / 2)
#define WIDE 16    /* numbers of a vector */
#define LINES 3     /* each with two directions of the gradient */
#define QUIET 4.0f  /* gray levels that keep flat regions near 0 */

enum { RAW, GRADIENT, LBP };

static int64_t mirrored(int64_t at, int64_t size) {
    if (at < 0) at = -at;
    return at < size ? at : 2 * (size - 1) - at;
}

/* Means over WINDOW x WINDOW pixels, mirrored at the edges; row: size + WINDOW numbers. */
static void blur(const float *in, int64_t size, float *restrict out, float *restrict row) {
    for (int64_t y = 0; y < size; y++) {
        memset(row, 0, (size + WINDOW) * sizeof *row);
        for (int64_t i = y - HALF; i <= y + HALF; i++) {
            const float *from = in + mirrored(i, size) * size;
            for (int64_t x = 0; x < size; x++) row[HALF + x] += from[x];
        }
        for (int64_t x = 1; x <= HALF; x++) {
            row[HALF - x] = row[HALF + x];
            row[HALF + size - 1 + x] = row[HALF + size - 1 - x];
        }
        float *to = out + y * size;
        memset(to, 0, size * sizeof *to);
        for (int64_t i = 0; i < WINDOW; i++)
            for (int64_t x = 0; x < size; x++) to[x] += row[i + x];
        for (int64_t x = 0; x < size; x++) to[x] *= 1.0f / (WINDOW * WINDOW);
    }
}

/* Means over the intervals of both axes: down (P, S), and across the same transposed and padded,
   (P' / WIDE, S, WIDE). */
static void pool(const float *channel, int64_t size, int64_t pooled, const float *down,
                 const float *across, float *restrict row, float *restrict out) {
    /* Whole vectors: what they read beyond a row is the next one, or `row`, and counts nowhere. */
    const int64_t padded = (size + WIDE - 1) / WIDE * WIDE;
    for (int64_t i = 0; i < pooled; i++, out += pooled) {
        memset(row, 0, padded * sizeof *row);
        for (int64_t y = 0; y < size; y++) {
            const float share = down[i * size + y], *restrict from = channel + y * size;
            if (share != 0.0f)
                for (int64_t x = 0; x < padded; x += WIDE)
                    VECTORS for (int k = 0; k < WIDE; k++) row[x + k] += share * from[x + k];
        }
        for (int64_t first = 0; first < pooled; first += WIDE) {
            const float *shares = across + first * size;
            float means[WIDE] = {0};
            for (int64_t x = 0; x < size; x++)
                VECTORS for (int j = 0; j < WIDE; j++) means[j] += row[x] * shares[x * WIDE + j];
            memcpy(out + first, means, (pooled - first < WIDE ? pooled - first : WIDE) * sizeof *out);
        }
    }
}

static float soft(float difference) {
    float quarter = difference * 0.25f;
    quarter = quarter < 1.0f ? quarter : 1.0f;
    return quarter > -1.0f ? quarter : -1.0f;
}

/* Write (C * P * P) means. crop: (S, S), S of 16 or more. families: of the enum above. */
EXPORT int32_t faceloop_whole_face(int64_t size, int64_t pooled, int64_t families,
                                   const int64_t *family, const float *crop, const float *down,
                                   const float *across, float *out) {
    const int64_t area = size * size;
    float *work = size > WINDOW ? malloc((4 * area + size + 2 * WIDE) * sizeof *work) : NULL;
    if (work == NULL) return 0;
    float *a = work, *b = a + area, *norm = b + area, *channel = norm + area, *row = channel + area;
#define POOL() (pool(channel, size, pooled, down, across, row, out), out += pooled * pooled)
    for (int64_t f = 0; f < families; f++) {
        if (family[f] == RAW) {
            blur(crop, size, a, row);
            for (int64_t i = 0; i < area; i++) a[i] = crop[i] - a[i];
            for (int64_t i = 0; i < area; i++) b[i] = a[i] * a[i];
            blur(b, size, norm, row);
            for (int64_t i = 0; i < area; i++) channel[i] = a[i] / (sqrtf(norm[i]) + QUIET);
            POOL();
        } else if (family[f] == GRADIENT) {
            memset(b, 0, size * sizeof *b);
            memset(b + area - size, 0, size * sizeof *b);
            for (int64_t i = size; i < area - size; i++) b[i] = crop[i + size] - crop[i - size];
            for (int64_t i = 1; i < area - 1; i++) a[i] = crop[i + 1] - crop[i - 1];
            for (int64_t y = 0; y < size; y++) a[y * size] = a[y * size + size - 1] = 0.0f;
            for (int64_t i = 0; i < area; i++) channel[i] = sqrtf(a[i] * a[i] + b[i] * b[i]);
            blur(channel, size, norm, row);
            for (int64_t i = 0; i < area; i++) {
                float by = 1.0f / (norm[i] + QUIET);
                a[i] *= by, b[i] *= by;
            }
            for (int side = 1; side >= -1; side -= 2)
                for (int k = 0; k < LINES; k++) {
                    const double angle = 3.141592653589793 * k / LINES;
                    const float x = side * (float)cos(angle), y = side * (float)sin(angle);
                    for (int64_t i = 0; i < area; i++) {
                        float along = x * a[i] + y * b[i];
                        channel[i] = along > 0.0f ? along : 0.0f;
                    }
                    POOL();
                }
        } else {
            const int64_t steps[] = {1, size, -1, -size};
            for (int k = 0; k < 4; k++) {
                int64_t step = steps[k], last = area - (step > 0 ? step : 0);
                memset(channel, 0, area * sizeof *channel);
                for (int64_t i = step < 0 ? -step : 0; i < last; i++)
                    channel[i] = soft(crop[i + step] - crop[i]);
                if (step == 1 || step == -1) /* beyond an edge its last pixels repeat */
                    for (int64_t y = 0; y < size; y++)
                        channel[y * size + (step > 0 ? size - 1 : 0)] = 0.0f;
                POOL();
            }
        }
    }
    free(work);
    return 1;
}
