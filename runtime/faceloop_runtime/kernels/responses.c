/* Correlation of every landmark's filters with its search window.

   A row of a response is a vector, and all 11 rows stay in registers while the filter goes over
   them: nothing is laid out anew, no multiplication is made twice, and lost are only the lanes
   beyond the eleventh. */
#include "vector.h"

#include <string.h>

enum {
    SEARCH = 11,                       /* width of the search window */
    STRIDE = 12,                       /* floats from a row of a piece to the next */
    PARTS = (SEARCH + LANES - 1) / LANES,
    MOST_PIECES = 64,
    MOST_ROWS = 55, /* who lays out a bank keeps to these two */
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

struct window {
    const float *seen; /* first pixel that the piece meets */
    int64_t width;     /* pixels from a row to the next */
};

/* Row v of the filter from column to column: every row of the response loads its own pixels. */
static inline void one_row(const float *seen, int64_t width, const float *w, int64_t columns,
                           vec a[SEARCH]) {
    for (int64_t u = 0; u < columns; u++) {
        const vec by = vec_all(w[u]);
        UNROLLED
        for (int i = 0; i < SEARCH; i++)
            a[i] = vec_madd(vec_load(seen + i * width + u), by, a[i]);
    }
}

/* Row y of the window meets filter row y - i for row i of the response. Rows y and y + 11 together
   meet every row of the response once: row y those up to y, the other one the rest. */
#if WIDE
/* There are registers for a column of the filter, too: each pixel and each weight is loaded once. */
static inline void eleven_rows(const float *seen, int64_t width, const float *w, int64_t columns,
                               vec a[SEARCH]) {
    for (int64_t u = 0; u < columns; u++) {
        vec by[SEARCH];
        UNROLLED
        for (int v = 0; v < SEARCH; v++)
            by[v] = vec_all(w[v * STRIDE + u]);
        UNROLLED
        for (int y = 0; y < SEARCH; y++) {
            const vec upper = vec_load(seen + y * width + u);
            UNROLLED
            for (int i = 0; i <= y; i++)
                a[i] = vec_madd(upper, by[y - i], a[i]);
            if (y == SEARCH - 1)
                break;
            const vec lower = vec_load(seen + (y + SEARCH) * width + u);
            UNROLLED
            for (int i = y + 1; i < SEARCH; i++)
                a[i] = vec_madd(lower, by[y + SEARCH - i], a[i]);
        }
    }
}
#else
static inline void eleven_rows(const float *seen, int64_t width, const float *w, int64_t columns,
                               vec a[SEARCH]) {
    UNROLLED
    for (int y = 0; y < SEARCH; y++) {
        const float *above = seen + y * width, *below = above + SEARCH * width;
        for (int64_t u = 0; u < columns; u++) {
            vec upper = vec_load(above + u), lower = y < SEARCH - 1 ? vec_load(below + u) : upper;
            vec_keep(upper);
            vec_keep(lower);
            UNROLLED
            for (int i = 0; i < SEARCH; i++)
                a[i] = i <= y ? vec_madd(upper, vec_all(w[(y - i) * STRIDE + u]), a[i])
                              : vec_madd(lower, vec_all(w[(y + SEARCH - i) * STRIDE + u]), a[i]);
        }
    }
}
#endif

/* One part of the response's columns, over all pieces. */
static void correlate(const struct bank *bank, const struct window *windows, const float *w,
                      int64_t part, float tile[SEARCH][PARTS * LANES]) {
    vec a[SEARCH];
    UNROLLED
    for (int i = 0; i < SEARCH; i++)
        a[i] = vec_all(0.0f);
    for (int64_t p = 0; p < bank->pieces; p++) {
        const int64_t rows = bank->piece[p].rows, columns = bank->piece[p].columns;
        const int64_t width = windows[p].width;
        const float *seen = windows[p].seen + part * LANES;
        int64_t done = 0;
        for (; done + SEARCH <= rows; done += SEARCH)
            eleven_rows(seen + done * width, width, w + done * STRIDE, columns, a);
        for (; done < rows; done++)
            one_row(seen + done * width, width, w + done * STRIDE, columns, a);
        w += rows * STRIDE;
    }
    UNROLLED
    for (int i = 0; i < SEARCH; i++)
        vec_store(tile[i] + part * LANES, a[i]);
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

/* Wherever a window is said to lie, sums with its place do not overflow. */
static int64_t within(int64_t place) {
    const int64_t most = (int64_t)1 << 32;
    return place < -most ? -most : place > most ? most : place;
}

/* planes: plane, height, width. centres: landmark, (x, y). maps: row, column, landmark. */
EXPORT int32_t faceloop_responses(const struct bank *bank, const float *planes, int64_t height,
                                  int64_t width, const int64_t *centres, float *maps) {
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
        const int64_t x = within(centres[2 * k]) - SEARCH / 2 - bank->before;
        const int64_t y = within(centres[2 * k + 1]) - SEARCH / 2 - bank->before;
        int edge = 0;
        for (int64_t p = 0; p < bank->pieces; p++) {
            const struct piece one = bank->piece[p];
            const int64_t top = y + one.top, left = x + one.left;
            const int64_t below = top + one.rows + SEARCH - 1;
            /* the end of a row reads on into the next one, for lanes that nobody asks for */
            edge |= top < 0 || left < 0 || below > height ||
                    left + one.columns + SEARCH - 1 > width ||
                    (below - 1) * width + left + REACH > height * width;
            windows[p].seen = edge ? NULL : planes + (one.plane * height + top) * width + left;
            windows[p].width = width;
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
    return 0;
}
