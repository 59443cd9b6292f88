/* How good a fit is: `point_features`, `PointPredictor` and `ErrorPredictor` of
   faceloop_runtime/quality, which say what is computed and why. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "exponential.h"
#include "kernels.h"

enum {
    SEARCH = 11,
    MIDDLE = SEARCH / 2,
    PLACES = SEARCH * SEARCH,
    BLOCK = 64, /* landmarks computed together, in memory of the stack */
    FEATURES = 7,
    INPUTS = 3 * FEATURES + 6
};

static float clipped(float value, float most) {
    value = value < most ? value : most;
    return value > -most ? value : -most;
}

static float dot(const float *a, const float *b, int64_t count) {
    float sums[16] = {0}, sum = 0.0f;
    int64_t i = 0;
    for (; i + 16 <= count; i += 16)
        VECTORS for (int j = 0; j < 16; j++) sums[j] += a[i + j] * b[i + j];
    for (; i < count; i++) sum += a[i] * b[i];
    for (int j = 0; j < 16; j++) sum += sums[j];
    return sum;
}

/* What the maps of a block of landmarks say. */
static void look(const float *maps, const float *responses, const double *offsets, int64_t landmarks,
                 int64_t count, float variance, float *features, double *support) {
    float kernel[2][SEARCH][BLOCK];
    float peak[BLOCK], mass[BLOCK] = {0}, near_x[BLOCK] = {0}, near_y[BLOCK] = {0};
    float x[BLOCK] = {0}, y[BLOCK] = {0}, squares[BLOCK] = {0};
    for (int axis = 0; axis < 2; axis++)
        for (int i = 0; i < SEARCH; i++)
            for (int64_t n = 0; n < count; n++) {
                float away = (float)(i - MIDDLE) - (float)offsets[2 * n + axis];
                kernel[axis][i][n] = exponential(away * away * (-0.5f / variance));
            }
    for (int64_t n = 0; n < count; n++) peak[n] = responses[n];
    for (int i = 0; i < SEARCH; i++)
        for (int j = 0; j < SEARCH; j++) {
            const float *map = maps + (SEARCH * i + j) * landmarks;
            const float *response = responses + (SEARCH * i + j) * landmarks;
            const float dx = (float)(j - MIDDLE), dy = (float)(i - MIDDLE);
            for (int64_t n = 0; n < count; n++) {
                float share = map[n], near = share * kernel[0][j][n] * kernel[1][i][n];
                peak[n] = response[n] > peak[n] ? response[n] : peak[n];
                mass[n] += near;
                near_x[n] += dx * near;
                near_y[n] += dy * near;
                x[n] += dx * share;
                y[n] += dy * share;
                squares[n] += (dx * dx + dy * dy) * share;
            }
        }
    for (int64_t n = 0; n < count; n++) {
        const double at_x = offsets[2 * n], at_y = offsets[2 * n + 1];
        float *of = features + n * FEATURES, under = mass[n] + 1e-12f;
        double pull_x = near_x[n] / under - at_x, pull_y = near_y[n] / under - at_y;
        double off_x = x[n] - at_x, off_y = y[n] - at_y;
        float spread = 0.5f * (squares[n] - x[n] * x[n] - y[n] * y[n]);
        support[n] = mass[n] < 1.0f ? mass[n] : 1.0f;
        of[0] = peak[n];
        of[1] = (float)log(support[n] + 0.01);
        of[4] = logf((spread > 0.0f ? spread : 0.0f) + 0.1f);
        of[5] = (float)log(sqrt(off_x * off_x + off_y * off_y) + 0.05);
        of[6] = (float)log(sqrt(pull_x * pull_x + pull_y * pull_y) + 0.05);
    }
}

/* Write features (N, FEATURES) and support (N,).

   maps, responses: (PLACES, N). offsets: (N, 2), of the points from the middles of their windows,
   in pixels. cells, typical: (N, size); typical may be NULL. movements: (N,). */
EXPORT int32_t faceloop_point_features(int64_t landmarks, int64_t size, const float *maps,
                                       const float *responses, const double *offsets,
                                       const float *cells, const float *typical,
                                       const double *movements, double variance, float *features,
                                       double *support) {
    for (int64_t from = 0; from < landmarks; from += BLOCK) {
        int64_t count = landmarks - from < BLOCK ? landmarks - from : BLOCK;
        look(maps + from, responses + from, offsets + 2 * from, landmarks, count, (float)variance,
             features + from * FEATURES, support + from);
    }
    for (int64_t n = 0; n < landmarks; n++) {
        float *of = features + n * FEATURES;
        of[2] = typical == NULL ? 0.0f : dot(cells + n * size, typical + n * size, size);
        of[3] = (float)log(movements[n] + 0.001);
    }
    return 1;
}

/* One hidden layer of rectifiers and a linear output for all landmarks, `two_layers`.

   inputs: (INPUTS, N). hidden: (INPUTS + 1, width). out: (width + 1,). usual, result: (N,). */
static void network(const float *restrict inputs, int64_t landmarks, const float *hidden,
                    const float *out, int64_t width, const float *restrict usual,
                    float *restrict layer, float *restrict result) {
    for (int64_t n = 0; n < landmarks; n++) result[n] = out[width] + usual[n];
    for (int64_t j = 0; j < width; j++) {
        for (int64_t n = 0; n < landmarks; n++) layer[n] = hidden[INPUTS * width + j];
        for (int64_t i = 0; i < INPUTS; i++) {
            const float by = hidden[i * width + j], *restrict row = inputs + i * landmarks;
            for (int64_t n = 0; n < landmarks; n++) layer[n] += by * row[n];
        }
        for (int64_t n = 0; n < landmarks; n++)
            result[n] += (layer[n] > 0.0f ? layer[n] : 0.0f) * out[j];
    }
}

/* Write the visibility of each point (N,), and the logarithm of the weighted mean of their errors.

   features: (N, FEATURES). displacement: (N, 2). face, shape: the two inputs that all points share.
   predictor: centre, spread (N, FEATURES), weights of the neighbours transposed (N, N), places
   (N, 2), weights (N,), and of each of two networks, of errors and of visibility: hidden
   (INPUTS + 1, width), out (width + 1,), usual (N,). */
static int32_t predict_points(int64_t landmarks, int64_t width, int64_t seen_width,
                                       const float *features, const double *displacement, double face,
                                       double shape, const float *predictor, double *visibility,
                                       double *log_error) {
    const int64_t size = landmarks * FEATURES;
    const float *spread = predictor + size, *neighbours = spread + size;
    const float *places = neighbours + landmarks * landmarks, *weights = places + 2 * landmarks;
    const float *hidden = weights + landmarks, *out = hidden + (INPUTS + 1) * width;
    const float *usual = out + width + 1, *seen_hidden = usual + landmarks;
    const float *seen_out = seen_hidden + (INPUTS + 1) * seen_width, *seen_usual = seen_out + seen_width + 1;
    float *inputs = calloc((INPUTS + 3) * landmarks, sizeof *inputs);
    if (inputs == NULL) return 0;
    float *near = inputs + size, *all = near + size, *shared = all + size;
    float *layer = inputs + INPUTS * landmarks, *error = layer + landmarks, *odds = error + landmarks;
    float total = 0.0f;
    for (int k = 0; k < FEATURES; k++) {
        float *restrict own = inputs + k * landmarks, *restrict sums = near + k * landmarks, sum = 0.0f;
        for (int64_t n = 0; n < landmarks; n++) {
            int64_t i = n * FEATURES + k;
            own[n] = clipped((features[i] - predictor[i]) / spread[i], 5.0f);
            sum += own[n];
        }
        for (int64_t n = 0; n < landmarks; n++) {
            const float by = own[n], *restrict row = neighbours + n * landmarks;
            for (int64_t m = 0; m < landmarks; m++) sums[m] += by * row[m];
        }
        for (int64_t n = 0; n < landmarks; n++)
            all[k * landmarks + n] = 2.0f * sum / (float)landmarks;
    }
    for (int64_t n = 0; n < landmarks; n++) {
        shared[n] = (float)face;
        shared[landmarks + n] = (float)shape;
        for (int c = 0; c < 2; c++) {
            shared[(2 + c) * landmarks + n] = 2.0f * places[2 * n + c];
            shared[(4 + c) * landmarks + n] = clipped((float)(10.0 * displacement[2 * n + c]), 10.0f);
        }
    }
    network(inputs, landmarks, hidden, out, width, usual, layer, error);
    network(inputs, landmarks, seen_hidden, seen_out, seen_width, seen_usual, layer, odds);
    for (int64_t n = 0; n < landmarks; n++) {
        total += expf(error[n] < 3.0f ? error[n] : 3.0f) * weights[n];
        visibility[n] = 1.0f / (1.0f + expf(-clipped(odds[n], 30.0f)));
    }
    *log_error = logf(total);
    free(inputs);
    return 1;
}

/* All of `estimate_quality` in one call: of a tracked frame, calling would cost more than this.

   validator: weights (seen,) and bias. whole_predictor: centre, spread (count,), hidden
   (count + 1, whole_width) and out (whole_width + 1,). The others as above.
   features: (count,) of `fit_features`. logs: log-odds of a face, log errors by the whole fit and
   by its points. */
EXPORT int32_t faceloop_quality(int64_t landmarks, int64_t size, int64_t seen, int64_t modes,
                                int64_t width, int64_t seen_width, int64_t whole_width,
                                const float *maps, const float *responses, const double *offsets,
                                const float *cells, const float *typical, const double *movements,
                                double variance, const float *whole, const double *b,
                                const double *deviations, const double *displacement,
                                const float *validator, const float *predictor,
                                const float *whole_predictor, float *features, double *support,
                                double *visibility, double *logs) {
    const int64_t count = 2 * landmarks + modes + 4;
    float *by_point = malloc((size_t)(FEATURES * landmarks + count + whole_width) * sizeof *by_point);
    if (by_point == NULL) return 0;
    float *z = by_point + FEATURES * landmarks, *layer = z + count;
    faceloop_point_features(landmarks, size, maps, responses, offsets, cells, typical, movements,
                            variance, by_point, support);
    double shape = 0.0, moved = 0.0;
    float supported = 0.0f;
    logs[0] = dot(whole, validator, seen) + validator[seen];
    for (int64_t n = 0; n < landmarks; n++) {
        features[n] = by_point[FEATURES * n];
        features[landmarks + n] = by_point[FEATURES * n + 1];
        supported += by_point[FEATURES * n + 1];
        moved += movements[n];
    }
    for (int64_t k = 0; k < modes; k++) {
        const double deviation = b[k] / deviations[k];
        features[2 * landmarks + k] = (float)fabs(deviation);
        shape += deviation * deviation;
    }
    shape /= (double)modes;
    features[count - 4] = (float)logs[0];
    features[count - 3] = (float)(moved / (double)landmarks);
    features[count - 2] = (float)shape;
    features[count - 1] = supported / (float)landmarks;
    const float *spread = whole_predictor + count, *hidden = spread + count;
    const float *out = hidden + (count + 1) * whole_width;
    memcpy(layer, hidden + count * whole_width, (size_t)whole_width * sizeof *layer);
    for (int64_t i = 0; i < count; i++) {
        const float by = clipped((features[i] - whole_predictor[i]) / spread[i], 6.0f);
        const float *restrict row = hidden + i * whole_width;
        for (int64_t j = 0; j < whole_width; j++) layer[j] += by * row[j];
    }
    float error = out[whole_width];
    for (int64_t j = 0; j < whole_width; j++) error += (layer[j] > 0.0f ? layer[j] : 0.0f) * out[j];
    logs[1] = error;
    const double quarter = logs[0] / 4.0, face = quarter < -3.0 ? -3.0 : quarter > 3.0 ? 3.0 : quarter;
    const int32_t made =
        predict_points(landmarks, width, seen_width, by_point, displacement, face,
                                shape < 5.0 ? shape : 5.0, predictor, visibility, logs + 2);
    free(by_point);
    return made;
}
