/* Correlation of every landmark's filters with its search window.

   A row of a response is a vector. A pixel of the picture that has been loaded is used for all 11
   rows of the response, which stay in registers, and nothing is laid out anew: of the 11 x 11 x
   (sum of all filters) multiplications of a landmark none is made twice; lost are the lanes beyond
   the eleventh. */
#include "vector.h"

#include <string.h>

enum {
    SEARCH = 11,                       /* width of the search window */
    STRIDE = 12,                       /* floats from a row of a piece to the next */
    LEAST_ROWS = 11,                   /* of a piece */
    PARTS = (SEARCH + LANES - 1) / LANES,
    /* what is read of a row, of a piece of STRIDE columns */
    REACH = STRIDE - 1 + PARTS * LANES
};

/* A rectangle of the filters on one plane, where they are not 0: at most STRIDE columns. */
struct piece {
    int64_t plane;
    int64_t top, left; /* from the window's corner, in pixels */
    int64_t rows, columns;
};

struct bank {
    int64_t landmarks, pieces;
    const struct piece *piece;
    const float *weights; /* landmark, piece, row, STRIDE */
    const float *bias;    /* landmark */
    int64_t before;       /* pixels of a filter left of, and above, the place it responds for */
};

/* ROW is one row of the response; x and w are those of the upper rows of the window or of the
   lower. */
#define ROW(i, r, w0, x0, w1, x1)                                                                  \
    a##i = vec_madd(i <= (r) ? x0 : x1, vec_all((i <= (r) ? w0 : w1)[-(i) * STRIDE + u]), a##i)
#define ROWS(r, w0, x0, w1, x1)                                                                    \
    ROW(0, r, w0, x0, w1, x1);                                                                     \
    ROW(1, r, w0, x0, w1, x1);                                                                     \
    ROW(2, r, w0, x0, w1, x1);                                                                     \
    ROW(3, r, w0, x0, w1, x1);                                                                     \
    ROW(4, r, w0, x0, w1, x1);                                                                     \
    ROW(5, r, w0, x0, w1, x1);                                                                     \
    ROW(6, r, w0, x0, w1, x1);                                                                     \
    ROW(7, r, w0, x0, w1, x1);                                                                     \
    ROW(8, r, w0, x0, w1, x1);                                                                     \
    ROW(9, r, w0, x0, w1, x1);                                                                     \
    ROW(10, r, w0, x0, w1, x1)

/* Row r of the window meets rows 0 to r of the response, and row r + rows meets the others: the two
   together make as much work as any other row. */
#define TWO_ROWS(r)                                                                                \
    do {                                                                                           \
        const float *upper = seen + (r) * width, *lower = upper + rows * width;                    \
        const float *w0 = w + (r) * STRIDE, *w1 = w0 + rows * STRIDE;                              \
        for (int64_t u = 0; u < columns; u++) {                                                    \
            vec x0 = vec_load(upper + u), x1 = vec_load(lower + u);                                \
            vec_keep(x0);                                                                          \
            vec_keep(x1);                                                                          \
            ROWS(r, w0, x0, w1, x1);                                                               \
        }                                                                                          \
    } while (0)

struct window {
    const float *seen; /* first pixel that the piece meets */
    int64_t width;     /* pixels from a row to the next */
};

/* One part of the response's columns, over all pieces. */
static void correlate(const struct bank *bank, const struct window *windows, const float *w,
                      int64_t part, float tile[SEARCH][PARTS * LANES]) {
    vec a0 = vec_all(0), a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0, a6 = a0, a7 = a0, a8 = a0,
        a9 = a0, a10 = a0;
    for (int64_t p = 0; p < bank->pieces; p++) {
        const int64_t rows = bank->piece[p].rows, columns = bank->piece[p].columns;
        const int64_t width = windows[p].width;
        const float *seen = windows[p].seen + part * LANES;
        TWO_ROWS(0);
        TWO_ROWS(1);
        TWO_ROWS(2);
        TWO_ROWS(3);
        TWO_ROWS(4);
        TWO_ROWS(5);
        TWO_ROWS(6);
        TWO_ROWS(7);
        TWO_ROWS(8);
        TWO_ROWS(9);
        for (int64_t r = SEARCH - 1; r < rows; r++) {
            const float *row = seen + r * width, *w0 = w + r * STRIDE;
            for (int64_t u = 0; u < columns; u++) {
                vec x = vec_load(row + u);
                vec_keep(x);
                ROWS(SEARCH, w0, x, w0, x);
            }
        }
        w += rows * STRIDE;
    }
    float *to = tile[0] + part * LANES;
    const vec all[SEARCH] = {a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, a10};
    for (int i = 0; i < SEARCH; i++)
        vec_store(to + i * PARTS * LANES, all[i]);
}

/* Copy what a piece meets, zeros where there is no picture. */
static void copy_window(const float *plane, int64_t height, int64_t width, int64_t top,
                        int64_t left, int64_t rows, float *to, int64_t across) {
    for (int64_t y = 0; y < rows; y++)
        for (int64_t x = 0; x < across; x++) {
            const int64_t v = top + y, u = left + x;
            const int inside = v >= 0 && v < height && u >= 0 && u < width;
            to[y * across + x] = inside ? plane[v * width + u] : 0.0f;
        }
}

/* The most pieces a bank may have, and the most rows of one: who lays it out keeps to them. */
EXPORT int64_t faceloop_most_pieces(void) { return 64; }
EXPORT int64_t faceloop_most_rows(void) { return 48; }

/* planes: plane, height, width. centres: landmark, (x, y). maps: row, column, landmark. */
EXPORT void faceloop_responses(const struct bank *bank, const float *planes, int64_t height,
                               int64_t width, const int64_t *centres, float *maps) {
    enum { MOST_PIECES = 64, MOST_ROWS = 48 };
    const int64_t n = bank->landmarks;
    const float *w = bank->weights;
    int64_t size = 0; /* of the filters of a landmark */
    for (int64_t p = 0; p < bank->pieces; p++)
        size += bank->piece[p].rows * STRIDE;
    /* of pieces whose window is not wholly inside, one after the other */
    float edges[(MOST_ROWS + SEARCH - 1) * REACH];
    for (int64_t k = 0; k < n; k++, w += size) {
        struct window windows[MOST_PIECES];
        float tile[SEARCH][PARTS * LANES];
        const int64_t x = centres[2 * k] - SEARCH / 2 - bank->before;
        const int64_t y = centres[2 * k + 1] - SEARCH / 2 - bank->before;
        int edge = 0;
        for (int64_t p = 0; p < bank->pieces; p++) {
            const struct piece one = bank->piece[p];
            const int64_t top = y + one.top, left = x + one.left;
            const int64_t below = top + one.rows + SEARCH - 1;
            windows[p].seen = planes + (one.plane * height + top) * width + left;
            windows[p].width = width;
            /* the end of a row reads on into the next one, for lanes that nobody asks for */
            edge |= top < 0 || left < 0 || below > height ||
                    left + one.columns + SEARCH - 1 > width ||
                    (below - 1) * width + left + REACH > height * width;
        }
        if (!edge) {
            for (int64_t part = 0; part < PARTS; part++)
                correlate(bank, windows, w, part, tile);
        } else {
            float sums[SEARCH][PARTS * LANES];
            memset(tile, 0, sizeof tile);
            const float *own = w;
            for (int64_t p = 0; p < bank->pieces; p++) {
                const struct piece *one = bank->piece + p;
                const struct bank single = {1, 1, one, own, bank->bias, 0};
                copy_window(planes + one->plane * height * width, height, width, y + one->top,
                            x + one->left, one->rows + SEARCH - 1, edges, REACH);
                const struct window window = {edges, REACH};
                for (int64_t part = 0; part < PARTS; part++)
                    correlate(&single, &window, own, part, sums);
                for (int i = 0; i < SEARCH; i++)
                    for (int j = 0; j < SEARCH; j++)
                        tile[i][j] += sums[i][j];
                own += one->rows * STRIDE;
            }
        }
        for (int i = 0; i < SEARCH; i++)
            for (int j = 0; j < SEARCH; j++)
                maps[(i * SEARCH + j) * n + k] = tile[i][j] + bank->bias[k];
    }
}
