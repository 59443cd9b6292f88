/* Probability maps, and regularised landmark mean-shift on them (fit/meanshift.py).

   Maps lie in memory with the landmarks last: (place, landmark). Loops over landmarks become
   vectors. */
#include "exponential.h"
#include "vector.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    SEARCH = 11,
    PLACES = SEARCH * SEARCH,
    BLOCK = 128 /* landmarks computed together, in memory of the stack */
};

static inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

/* Softmax of gain x response over the places of each landmark's window. floor: the least logarithm
   of a probability over the largest of its map. */
EXPORT int32_t faceloop_probabilities(const float *responses, const float *gain, int64_t landmarks,
                                      double floor, float *maps) {
    const float least = (float)floor;
    for (int64_t from = 0; from < landmarks; from += BLOCK) {
        const int64_t count = smaller(BLOCK, landmarks - from);
        const float *restrict by = gain + from;
        float most[BLOCK], sum[BLOCK];
        for (int64_t k = 0; k < count; k++) {
            most[k] = responses[from + k] * by[k];
            sum[k] = 0.0f;
        }
        for (int64_t p = 1; p < PLACES; p++) {
            const float *restrict z = responses + p * landmarks + from;
            for (int64_t k = 0; k < count; k++)
                most[k] = z[k] * by[k] > most[k] ? z[k] * by[k] : most[k];
        }
        for (int64_t p = 0; p < PLACES; p++) {
            const float *restrict z = responses + p * landmarks + from;
            float *restrict map = maps + p * landmarks + from;
            for (int64_t k = 0; k < count; k++) {
                const float log = z[k] * by[k] - most[k];
                map[k] = exponential(log < least ? least : log);
                sum[k] += map[k];
            }
        }
        for (int64_t p = 0; p < PLACES; p++) {
            float *restrict map = maps + p * landmarks + from;
            for (int64_t k = 0; k < count; k++)
                map[k] /= sum[k];
        }
    }
    return 0;
}

/* Inverse variance of each map, with a floor of one pixel, times the landmark's reliability; scaled
   to a mean of 1 unless all are 0. */
EXPORT int32_t faceloop_landmark_weights(const float *maps, const float *reliability,
                                         int64_t landmarks, double *weights) {
    double total = 0.0;
    for (int64_t from = 0; from < landmarks; from += BLOCK) {
        const int64_t count = smaller(BLOCK, landmarks - from);
        float mean_x[BLOCK] = {0}, mean_y[BLOCK] = {0}, squares[BLOCK] = {0};
        for (int64_t p = 0; p < PLACES; p++) {
            const float *restrict map = maps + p * landmarks + from;
            const float x = (float)(p % SEARCH - SEARCH / 2), y = (float)(p / SEARCH - SEARCH / 2);
            for (int64_t k = 0; k < count; k++) {
                mean_x[k] += x * map[k];
                mean_y[k] += y * map[k];
                squares[k] += (x * x + y * y) * map[k];
            }
        }
        for (int64_t k = 0; k < count; k++) {
            const float off = mean_x[k] * mean_x[k] + mean_y[k] * mean_y[k];
            weights[from + k] = reliability[from + k] / (0.5f * (squares[k] - off) + 1.0f);
            total += weights[from + k];
        }
    }
    const double mean = total / (double)landmarks;
    for (int64_t k = 0; mean > 0.0 && k < landmarks; k++)
        weights[k] /= mean;
    return 0;
}

struct shape_model {
    int64_t points, modes;
    const double *mean;       /* point, (x, y) */
    const double *components; /* mode, point, (x, y) */
    const double *tangent;    /* point, (x, y); pose, mode, zeros to a multiple of WIDTH */
    const double *limits;     /* mode: how far its parameter may go */
};

struct prior {
    const double *mean;      /* mode */
    const double *variances; /* mode */
    const double *precision; /* mode, mode */
};

struct evidence {
    const float *maps;     /* place, landmark */
    const double *centres; /* landmark, (x, y), in IOD */
    const double *weights; /* landmark */
    double scale;          /* pixels per IOD */
};

enum { WIDTH = 8 }; /* rows of numbers of double precision are filled up to a multiple of it */

/* Memory of one call. Rows of `columns` numbers: pose, modes, then zeros. */
struct work {
    int64_t unknowns, columns;
    double *tangent; /* coordinate, unknown: how points move */
    double *normal;  /* unknown, unknown; then its Cholesky factor, upper triangle */
    double *right;   /* unknown */
    double *penalty; /* mode, mode */
    double *shape;   /* coordinate */
    double *offset;  /* coordinate: from the middle of its window, in pixels */
    double *shift;   /* coordinate: mean-shift */
};

static int reserve(struct work *work, int64_t points, int64_t modes) {
    const int64_t n = 2 * points, m = 4 + modes, c = (m + WIDTH - 1) / WIDTH * WIDTH;
    double *memory = malloc((size_t)(n * c + c * c + c + modes * modes + 3 * n) * sizeof *memory);
    if (memory == NULL)
        return 0;
    work->unknowns = m;
    work->columns = c;
    work->tangent = memory;
    work->normal = work->tangent + n * c;
    work->right = work->normal + c * c;
    work->penalty = work->right + c;
    work->shape = work->penalty + modes * modes;
    work->offset = work->shape + n;
    work->shift = work->offset + n;
    for (int64_t i = 0; i < c; i++)
        work->right[i] = 0.0;
    return 1;
}

static void set_shape(const struct shape_model *model, const double *b, double *restrict shape) {
    const int64_t n = 2 * model->points;
    for (int64_t i = 0; i < n; i++)
        shape[i] = 0.0;
    for (int64_t k = 0; k < model->modes; k++) {
        const double *restrict mode = model->components + k * n;
        for (int64_t i = 0; i < n; i++)
            shape[i] += b[k] * mode[i];
    }
    for (int64_t i = 0; i < n; i++)
        shape[i] += model->mean[i];
}

/* Growing by 1, turning by 1 radian, shifts in x and y, then the modes. */
static void set_tangent(const struct shape_model *model, struct work *work) {
    const int64_t n = 2 * model->points, c = work->columns;
    memcpy(work->tangent, model->tangent, (size_t)(n * c) * sizeof *work->tangent);
    for (int64_t i = 0; i < n; i += 2) {
        const double x = work->shape[i], y = work->shape[i + 1];
        double *row = work->tangent + i * c;
        row[0] = x;
        row[1] = -y;
        row[c] = y;
        row[c + 1] = x;
    }
}

/* Four rows of tangent' weights tangent, as many columns of them as a vector has numbers. */
static void four_rows(const double *tangent, const double *weights, int64_t points, int64_t columns,
                      int64_t row, int64_t column, double *normal) {
    vec_double along_x[4], along_y[4];
    UNROLLED
    for (int i = 0; i < 4; i++)
        along_x[i] = along_y[i] = double_all(0.0);
    for (int64_t p = 0; p < points; p++) {
        const double *x = tangent + 2 * p * columns, *y = x + columns;
        const vec_double by = double_all(weights[p]), none = double_all(0.0);
        const vec_double u = double_madd(by, double_load(x + column), none);
        const vec_double v = double_madd(by, double_load(y + column), none);
        UNROLLED
        for (int i = 0; i < 4; i++) {
            along_x[i] = double_madd(u, double_all(x[row + i]), along_x[i]);
            along_y[i] = double_madd(v, double_all(y[row + i]), along_y[i]);
        }
    }
    const vec_double one = double_all(1.0);
    UNROLLED
    for (int i = 0; i < 4; i++)
        double_store(normal + (row + i) * columns + column,
                     double_madd(along_x[i], one, along_y[i]));
}

/* The upper triangle of tangent' weights tangent, and what prior and pose add to it. */
static void set_normal(const struct shape_model *model, const struct prior *prior,
                       const double *weights, double noise, double pose_penalty,
                       struct work *work) {
    const int64_t m = work->unknowns, c = work->columns, k = model->modes;
    for (int64_t i = 0; i < c; i += 4)
        for (int64_t j = i / WIDTH * WIDTH; j < c; j += LANES / 2)
            four_rows(work->tangent, weights, model->points, c, i, j, work->normal);
    for (int64_t i = 0; i < m; i++)
        /* a shape without any trusted landmark leaves the pose undetermined: it then stays */
        work->normal[i * c + i] += 1e-9 + (i < 4 ? pose_penalty : 0.0);
    double *restrict deviations = work->right; /* free as yet */
    for (int64_t i = 0; i < k; i++)
        deviations[i] = sqrt(prior->variances[i]);
    for (int64_t i = 0; i < k; i++) {
        const double share = noise / deviations[i];
        for (int64_t j = 0; j < k; j++)
            work->penalty[i * k + j] = prior->precision[i * k + j] * share;
    }
    for (int64_t j = 0; j < k; j++)
        deviations[j] = 1.0 / deviations[j];
    for (int64_t i = 0; i < k; i++)
        for (int64_t j = 0; j < k; j++)
            work->penalty[i * k + j] *= deviations[j];
    for (int64_t j = 0; j < k; j++)
        deviations[j] = 0.0;
    for (int64_t i = 0; i < k; i++)
        for (int64_t j = i; j < k; j++)
            work->normal[(4 + i) * c + 4 + j] += work->penalty[i * k + j];
}

/* Cholesky: the normal matrix becomes the upper factor U of U' U. */
static int factor(struct work *work) {
    const int64_t m = work->unknowns, c = work->columns;
    for (int64_t i = 0; i < m; i++) {
        double *restrict row = work->normal + i * c;
        if (!(row[i] > 0.0)) /* nor if it is not a number */
            return 0;
        const double root = 1.0 / sqrt(row[i]);
        for (int64_t j = i; j < c; j++)
            row[j] *= root;
        for (int64_t k = i + 1; k < m; k++) {
            double *restrict below = work->normal + k * c;
            const double share = row[k];
            for (int64_t j = k / WIDTH * WIDTH; j < c; j++)
                below[j] -= share * row[j];
        }
    }
    return 1;
}

/* Solve U' U step = right, in place. */
static void solve(struct work *work) {
    const int64_t m = work->unknowns, c = work->columns;
    double *restrict x = work->right;
    for (int64_t i = 0; i < m; i++) {
        const double *restrict row = work->normal + i * c;
        x[i] /= row[i];
        for (int64_t j = i + 1; j < m; j++)
            x[j] -= row[j] * x[i];
    }
    for (int64_t i = m - 1; i >= 0; i--) {
        const double *restrict row = work->normal + i * c;
        double sums[WIDTH] = {0}, sum = x[i];
        int64_t j = i + 1;
        for (; j + WIDTH <= m; j += WIDTH)
            for (int k = 0; k < WIDTH; k++)
                sums[k] += row[j + k] * x[j + k];
        for (int k = 0; k < WIDTH; k++)
            sum -= sums[k];
        for (; j < m; j++)
            sum -= row[j] * x[j];
        x[i] = sum / row[i];
    }
}

/* Mean-shift vectors of all landmarks, in pixels (Saragih et al., eq. 17). */
static void mean_shift(const float *maps, const double *offset, int64_t landmarks, double variance,
                       double *shift) {
    const float steepness = (float)(-0.5 / variance);
    for (int64_t from = 0; from < landmarks; from += BLOCK) {
        const int64_t count = smaller(BLOCK, landmarks - from);
        float at_x[BLOCK], at_y[BLOCK], across[SEARCH][BLOCK];
        float mass[BLOCK] = {0}, sum_x[BLOCK] = {0}, sum_y[BLOCK] = {0};
        for (int64_t k = 0; k < count; k++) {
            at_x[k] = (float)offset[2 * (from + k)];
            at_y[k] = (float)offset[2 * (from + k) + 1];
        }
        for (int64_t j = 0; j < SEARCH; j++)
            for (int64_t k = 0; k < count; k++) {
                const float away = (float)(j - SEARCH / 2) - at_x[k];
                across[j][k] = exponential(steepness * (away * away));
            }
        for (int64_t i = 0; i < SEARCH; i++) {
            const float y = (float)(i - SEARCH / 2);
            float row[BLOCK] = {0}, row_x[BLOCK] = {0};
            for (int64_t j = 0; j < SEARCH; j++) {
                const float *restrict map = maps + (i * SEARCH + j) * landmarks + from;
                const float x = (float)(j - SEARCH / 2);
                for (int64_t k = 0; k < count; k++) {
                    const float seen = map[k] * across[j][k];
                    row[k] += seen;
                    row_x[k] += x * seen;
                }
            }
            for (int64_t k = 0; k < count; k++) {
                const float away = y - at_y[k], down = exponential(steepness * (away * away));
                mass[k] += down * row[k];
                sum_x[k] += down * row_x[k];
                sum_y[k] += y * (down * row[k]);
            }
        }
        for (int64_t k = 0; k < count; k++) {
            const float all = mass[k] + 1e-12f;
            shift[2 * (from + k)] = (double)(sum_x[k] / all) - offset[2 * (from + k)];
            shift[2 * (from + k) + 1] = (double)(sum_y[k] / all) - offset[2 * (from + k) + 1];
        }
    }
}

/* One update. state: turn (real, imaginary), shift (x, y), parameters. The step stays in
   work->right. */
static void update(const struct shape_model *model, const struct prior *prior,
                   const struct evidence *evidence, double variance, double pose_penalty,
                   double *state, struct work *work) {
    const int64_t points = model->points, modes = model->modes, c = work->columns;
    double *restrict right = work->right, *b = state + 4;
    const double turn_x = state[0], turn_y = state[1], scale = evidence->scale;
    const double pixels_x = turn_x * scale, pixels_y = turn_y * scale;
    set_shape(model, b, work->shape);
    for (int64_t k = 0; k < points; k++) {
        const double x = work->shape[2 * k], y = work->shape[2 * k + 1];
        const double *middle = evidence->centres + 2 * k;
        work->offset[2 * k] = x * pixels_x - y * pixels_y + (state[2] - middle[0]) * scale;
        work->offset[2 * k + 1] = x * pixels_y + y * pixels_x + (state[3] - middle[1]) * scale;
    }
    mean_shift(evidence->maps, work->offset, points, variance, work->shift);
    /* In the model frame: over the turn, and from pixels. */
    const double size = pixels_x * pixels_x + pixels_y * pixels_y;
    for (int64_t k = 0; k < points; k++) {
        const double x = work->shift[2 * k], y = work->shift[2 * k + 1];
        work->shift[2 * k] = (x * pixels_x + y * pixels_y) / size;
        work->shift[2 * k + 1] = (y * pixels_x - x * pixels_y) / size;
    }
    for (int64_t j = 0; j < c; j++)
        right[j] = 0.0;
    for (int64_t i = 0; i < 2 * points; i++) {
        const double *restrict row = work->tangent + i * c;
        const double by = evidence->weights[i / 2] * work->shift[i];
        for (int64_t j = 0; j < c; j++)
            right[j] += by * row[j];
    }
    for (int64_t k = 0; k < modes; k++) {
        const double *restrict row = work->penalty + k * modes;
        const double by = b[k] - prior->mean[k];
        for (int64_t j = 0; j < modes; j++)
            right[4 + j] -= by * row[j];
    }
    right[0] -= pose_penalty * (turn_x - 1.0);
    right[1] -= pose_penalty * turn_y;
    right[2] -= pose_penalty * state[2];
    right[3] -= pose_penalty * state[3];
    solve(work);
    state[0] = turn_x * (1.0 + right[0]) - turn_y * right[1];
    state[1] = turn_x * right[1] + turn_y * (1.0 + right[0]);
    state[2] += turn_x * right[2] - turn_y * right[3];
    state[3] += turn_x * right[3] + turn_y * right[2];
    for (int64_t k = 0; k < modes; k++) {
        const double limit = model->limits[k], moved = b[k] + right[4 + k];
        b[k] = moved < -limit ? -limit : moved > limit ? limit : moved;
    }
}

/* state is where to start, and becomes where it ends; step the mean movement of a point in the last
   update, in IOD. Returns 0, 1 if there is no memory, or 2 if the normal equations are not positive
   definite. */
EXPORT int32_t faceloop_mean_shift(const struct shape_model *model, const struct prior *prior,
                                   const struct evidence *evidence, const double *variances,
                                   int64_t updates, double noise, double pose_penalty,
                                   double *state, double *step) {
    const int64_t n = 2 * model->points;
    struct work work;
    if (!reserve(&work, model->points, model->modes))
        return 1;
    set_shape(model, state + 4, work.shape);
    set_tangent(model, &work);
    set_normal(model, prior, evidence->weights, noise, pose_penalty, &work);
    const int sound = factor(&work);
    for (int64_t k = 0; sound && k < updates; k++)
        update(model, prior, evidence, variances[k], pose_penalty, state, &work);
    double moved = 0.0;
    for (int64_t i = 0; i < n; i += 2) {
        const double *restrict across = work.tangent + i * work.columns;
        const double *restrict down = across + work.columns;
        double x[WIDTH] = {0}, y[WIDTH] = {0};
        for (int64_t j = 0; j < work.columns; j += WIDTH)
            for (int k = 0; k < WIDTH; k++) {
                x[k] += work.right[j + k] * across[j + k];
                y[k] += work.right[j + k] * down[j + k];
            }
        for (int k = 1; k < WIDTH; k++) {
            x[0] += x[k];
            y[0] += y[k];
        }
        moved += sqrt(x[0] * x[0] + y[0] * y[0]);
    }
    *step = moved / (double)model->points;
    free(work.tangent);
    return sound ? 0 : 2;
}
