/* What lies round landmarks: `cell_features` of faceloop_runtime/regressor.py, which says what and
   why. A cell is a mean of CELL x CELL pixels between pixels: of one pixel more, those at the two
   ends by share. */
#include <math.h>
#include <string.h>

#include "kernels.h"

#define GRID 4
#define CELL 4
#define CELLS (GRID * GRID)
#define MOST_PLANES 32

static int64_t mirrored(int64_t at, int64_t size) {
    if (at < 0) at = -at;
    return at < size ? at : 2 * (size - 1) - at;
}

/* The pixel before a place along an axis, and how far it is to the next; never outermost ones. */
static int64_t between(double place, int64_t size, float *after) {
    double inside = fmin(fmax(place, 1.0), size - 2.0);
    int64_t before = (int64_t)inside;
    *after = (float)(inside - (double)before);
    return before;
}

/* Cells that lie side by side: sums over the rows of each first, then over columns, of those in
   between too, since a compiler makes vectors of them. */
static void regular_cells(const float *restrict plane, int64_t width, int64_t x, int64_t y, float right,
                          float below, float *restrict cells) {
    const float *top = plane + (y - CELL / 2) * width + x - CELL / 2;
    const float left = 1 - right, above = 1 - below, area = 1.0f / (CELL * CELL);
    float rows[GRID][CELLS + CELL] = {{0}}, sums[GRID][CELLS];
    for (int i = 0; i < GRID; i++, top += CELL * width) {
        const float *second = top + width, *third = second + width, *fourth = third + width;
        const float *last = fourth + width;
        float *row = rows[i];
        VECTORS for (int k = 0; k < CELLS; k++)
            row[k] = (second[k] + third[k] + fourth[k]) + (above * top[k] + below * last[k]);
        row[CELLS] = (second[CELLS] + third[CELLS] + fourth[CELLS]) +
                     (above * top[CELLS] + below * last[CELLS]);
    }
    for (int i = 0; i < GRID; i++) {
        const float *row = rows[i];
        VECTORS for (int k = 0; k < CELLS; k++)
            sums[i][k] = (row[k + 1] + row[k + 2] + row[k + 3]) + (left * row[k] + right * row[k + 4]);
    }
    for (int i = 0; i < GRID; i++)
        for (int j = 0; j < GRID; j++) cells[GRID * i + j] = sums[i][CELL * j] * area;
}

static float one_cell(const float *plane, int64_t height, int64_t width, int64_t x, int64_t y,
                      float right, float below) {
    float sum = 0.0f;
    for (int i = 0; i <= CELL; i++) {
        const float *row = plane + mirrored(y - CELL / 2 + i, height) * width;
        float down = i == 0 ? 1 - below : i == CELL ? below : 1.0f;
        for (int j = 0; j <= CELL; j++) {
            float across = j == 0 ? 1 - right : j == CELL ? right : 1.0f;
            sum += down * across * row[mirrored(x - CELL / 2 + j, width)];
        }
    }
    return sum * (1.0f / (CELL * CELL));
}

/* Write a row of length 1 for each landmark, (N, C * CELLS).

   planes: (B, H, W). points: (N, 2), in pixels. Channels are sums of planes that are moved by
   whole pixels: shares (C, M), and plane, dy and dx of each of these (3, M), M to 32; dy and dx
   are 0 or -1. */
EXPORT int32_t faceloop_cell_features(int64_t height, int64_t width, int64_t count,
                                      int64_t channels, int64_t moved, const float *planes,
                                      const double *points, const float *shares,
                                      const int64_t *moves, float *out) {
    const int64_t *dy = moves + moved, *dx = dy + moved;
    float cells[MOST_PLANES][CELLS];
    if (moved > MOST_PLANES) return 0;
    for (int64_t n = 0; n < count; n++) {
        int64_t x[GRID], y[GRID];
        float right[GRID], below[GRID];
        for (int i = 0; i < GRID; i++) {
            double step = CELL * (i - (GRID - 1) / 2.0);
            x[i] = between(points[2 * n] + step, width, right + i);
            y[i] = between(points[2 * n + 1] + step, height, below + i);
        }
        /* The same shares for all of them, and nothing of what is summed beyond an edge. */
        int regular = x[0] > CELL / 2 && y[0] > CELL / 2;
        for (int i = 0; i < GRID; i++) {
            regular &= x[i] == x[0] + CELL * i && fabsf(right[i] - right[0]) < 1e-6f;
            regular &= y[i] == y[0] + CELL * i && fabsf(below[i] - below[0]) < 1e-6f;
        }
        regular &= x[GRID - 1] + CELL / 2 < width && y[GRID - 1] + CELL / 2 < height;
        for (int64_t m = 0; m < moved; m++) {
            const float *plane = planes + moves[m] * height * width;
            if (regular)
                regular_cells(plane, width, x[0] + dx[m], y[0] + dy[m], right[0], below[0], cells[m]);
            else
                for (int i = 0; i < CELLS; i++)
                    cells[m][i] = one_cell(plane, height, width, x[i % GRID] + dx[m],
                                           y[i / GRID] + dy[m], right[i % GRID], below[i / GRID]);
        }
        float *row = out + n * channels * CELLS, squares[CELLS] = {0}, sum = 0.0f;
        for (int64_t c = 0; c < channels; c++) {
            float mixed[CELLS] = {0};
            for (int64_t m = 0; m < moved; m++)
                VECTORS for (int i = 0; i < CELLS; i++) mixed[i] += shares[c * moved + m] * cells[m][i];
            memcpy(row + c * CELLS, mixed, sizeof mixed);
        }
        for (int64_t c = 0; c < channels; c++)
            VECTORS for (int i = 0; i < CELLS; i++) squares[i] += row[c * CELLS + i] * row[c * CELLS + i];
        for (int i = 0; i < CELLS; i++) sum += squares[i];
        float scale = 1.0f / (sqrtf(sum) + 1e-3f);
        for (int64_t i = 0; i < channels * CELLS; i++) row[i] *= scale;
    }
    return 1;
}
