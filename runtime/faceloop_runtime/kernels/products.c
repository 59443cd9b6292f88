/* Products of a few long rows with one vector, read once from memory: what they take is the time
   that reading the rows takes. */
#include "vector.h"

#include <math.h>

static float dot(const float *a, const float *b, int64_t count) {
    vec sums[4] = {vec_all(0.0f), vec_all(0.0f), vec_all(0.0f), vec_all(0.0f)};
    float lanes[LANES], sum = 0.0f;
    int64_t i = 0;
    for (; i + 4 * LANES <= count; i += 4 * LANES)
        for (int k = 0; k < 4; k++)
            sums[k] = vec_madd(vec_load(a + i + k * LANES), vec_load(b + i + k * LANES), sums[k]);
    for (; i < count; i++) sum += a[i] * b[i];
    const vec one = vec_all(1.0f);
    vec_store(lanes, vec_madd(one, vec_madd(one, sums[0], sums[1]), vec_madd(one, sums[2], sums[3])));
    for (int k = 0; k < LANES; k++) sum += lanes[k];
    return sum;
}

/* out (count,): rows (count, size) times a vector (size,). */
EXPORT int32_t faceloop_products(int64_t count, int64_t size, const float *rows,
                                 const float *vector, float *out) {
    for (int64_t k = 0; k < count; k++) out[k] = dot(rows + k * size, vector, size);
    return 1;
}

/* The correction of a shape, `ShapeRegressor.correction` of faceloop_runtime/regressor.py.

   rows (count, cells + seen + modes): weights. offset (count,). cell (cells,). whole (seen,): made
   one of length 1. b, deviations (modes,). out (count,). */
EXPORT int32_t faceloop_correction(int64_t count, int64_t cells, int64_t seen, int64_t modes,
                                   const float *rows, const float *offset, const float *cell,
                                   const float *whole, const double *b, const double *deviations,
                                   double *out) {
    const float unit = 1.0f / (sqrtf(dot(whole, whole, seen)) + 1e-3f);
    for (int64_t k = 0; k < count; k++, rows += cells + seen + modes) {
        const float *of_shape = rows + cells + seen;
        float sum = dot(rows, cell, cells) + unit * dot(rows + cells, whole, seen);
        for (int64_t i = 0; i < modes; i++) sum += of_shape[i] * (float)(b[i] / deviations[i]);
        out[k] = sum + offset[k];
    }
    return 1;
}
