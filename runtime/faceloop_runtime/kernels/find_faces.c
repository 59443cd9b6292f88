/* The network of libfacedetection on the processor: it finds upright faces in small pictures.

   W. Wu, H. Peng, S. Yu: YuNet: a tiny millisecond-level face detector. Machine Intelligence
   Research 20 (2023). What faces are told is that library's to the last digit, as far as sums of
   float32 in another order are.

   Maps are (rows, columns, channels), float32. Each unit is a pointwise convolution, which mixes
   channels, and a 3 x 3 one of each channel; three rows of what the first makes are enough for the
   second, so that a map is read and written once. Vectors are those of GCC and Clang: no compiler
   finds these by itself, and it makes a difference of six. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"

#ifdef __GNUC__ /* Microsoft's compiler has no such vectors */

#define INLINE static inline __attribute__((always_inline))

/* Channels of a vector, and pixels whose sums fit into the registers. */
#if defined(__AVX512F__)
#define LANES 16
#define BLOCK 8
#elif defined(__AVX__)
#define LANES 8
#define BLOCK 4
#else
#define LANES 4
#define BLOCK 2
#endif
typedef float Vector __attribute__((vector_size(4 * LANES)));
typedef int32_t Mask __attribute__((vector_size(4 * LANES)));

#define GROUP 16 /* every map has a multiple of so many channels */
#define GROUP_VECTORS (GROUP / LANES)
#define HEAD 16 /* channels of a head: class, object, and four of the box; the others are padding */
#define LEAST_SCORE 0.2f
#define SAME 0.45f /* faces that overlap by more (intersection over union) are one */
#define CANDIDATES 1000

INLINE Vector load(const float *from) {
    Vector vector;
    memcpy(&vector, from, sizeof vector);
    return vector;
}

INLINE void store(float *to, Vector vector, int relu) {
    if (relu)
        vector = (Vector)((Mask)vector & (vector > (Vector){0}));
    memcpy(to, &vector, sizeof vector);
}

/* A group of channels of `pixels` pixels, each a weighted sum of the `inner` ones of its pixel. */
INLINE void sums(const float *in, int inner, int pixels, const float *weights, const float *bias,
                 int outer, float *out, int relu) {
    Vector sum[BLOCK][GROUP_VECTORS];
    for (int p = 0; p < pixels; p++)
        for (int v = 0; v < GROUP_VECTORS; v++)
            sum[p][v] = load(bias + v * LANES);
    for (int i = 0; i < inner; i++)
        for (int v = 0; v < GROUP_VECTORS; v++) {
            const Vector weight = load(weights + i * outer + v * LANES);
            for (int p = 0; p < pixels; p++)
                sum[p][v] += in[p * inner + i] * weight;
        }
    for (int p = 0; p < pixels; p++)
        for (int v = 0; v < GROUP_VECTORS; v++)
            store(out + p * outer + v * LANES, sum[p][v], relu);
}

/* Pointwise convolution of a row: in (count, inner), weights (inner, outer), out (count, outer). */
INLINE void pointwise(const float *in, int inner, int count, const float *weights, const float *bias,
                int outer, float *out, int relu) {
    for (int c = 0; c < outer; c += GROUP) {
        int at = 0;
        for (; at + BLOCK <= count; at += BLOCK)
            sums(in + at * inner, inner, BLOCK, weights + c, bias + c, outer, out + at * outer + c,
                 relu);
        for (; at < count; at++)
            sums(in + at * inner, inner, 1, weights + c, bias + c, outer, out + at * outer + c,
                 relu);
    }
}

/* 3 x 3 convolution of each channel; the three rows have a pixel more at both ends. */
INLINE void depthwise(const float *above, const float *here, const float *below, int width,
                   const float *weights, const float *bias, int channels, float *out, int relu) {
    for (int c = 0; c < channels; c += LANES) {
        Vector weight[9];
        for (int t = 0; t < 9; t++)
            weight[t] = load(weights + t * channels + c);
        const Vector start = load(bias + c);
        for (int x = 0; x < width; x++) {
            Vector sum = start;
            for (int t = 0; t < 3; t++) {
                sum += load(above + (x + t) * channels + c) * weight[t];
                sum += load(here + (x + t) * channels + c) * weight[3 + t];
                sum += load(below + (x + t) * channels + c) * weight[6 + t];
            }
            store(out + x * channels + c, sum, relu);
        }
    }
}

INLINE void separable_of(const float *in, int height, int width, int inner, int outer,
                         const float *w, float *out, float *ring, int relu) {
    const float *bias = w + inner * outer, *depthwise_w = bias + outer;
    const float *depthwise_bias = depthwise_w + 9 * outer;
    const size_t row = (size_t)(width + 2) * outer;
    memset(ring, 0, 3 * row * sizeof(float)); /* beyond the map all is 0 */
    pointwise(in, inner, width, w, bias, outer, ring + outer, 0);
    for (int y = 0; y < height; y++) {
        float *below = ring + (y + 1) % 3 * row;
        if (y + 1 < height)
            pointwise(in + (size_t)(y + 1) * width * inner, inner, width, w, bias, outer,
                      below + outer, 0);
        else
            memset(below, 0, row * sizeof(float));
        depthwise(ring + (y + 2) % 3 * row, ring + y % 3 * row, below, width, depthwise_w,
                  depthwise_bias, outer, out + (size_t)y * width * outer, relu);
    }
}

/* A unit. `out` may be `in` if it has as many channels. Returns the weights that follow. */
static const float *separable(const float *in, int height, int width, int inner, int outer,
                              const float *w, float *out, float *ring, int relu) {
    /* Numbers that the compiler knows make loops without branches. */
    if (inner == 16 && outer == 16)
        separable_of(in, height, width, 16, 16, w, out, ring, relu);
    else if (inner == 16)
        separable_of(in, height, width, 16, 32, w, out, ring, relu);
    else if (inner == 32 && outer == 32)
        separable_of(in, height, width, 32, 32, w, out, ring, relu);
    else if (inner == 32)
        separable_of(in, height, width, 32, 64, w, out, ring, relu);
    else if (outer == 64)
        separable_of(in, height, width, 64, 64, w, out, ring, relu);
    else
        separable_of(in, height, width, 64, HEAD, w, out, ring, relu);
    return w + inner * outer + 11 * outer;
}

/* The first layer, 3 x 3 round every second pixel, of 1 or 3 channels; beyond the picture all is
   0. `patches` has room for a row of them. */
INLINE void first_of(const uint8_t *picture, int height, int width, int channels, int rows,
                     int columns, const float *w, float *out, float *patches) {
    const int size = 9 * channels;
    for (int y = 0; y < rows; y++) {
        memset(patches, 0, (size_t)columns * size * sizeof(float));
        for (int t = 0; t < 9; t++) {
            const int from_y = 2 * y + t / 3 - 1, from_x = t % 3 - 1;
            if (from_y < 0 || from_y >= height)
                continue;
            const uint8_t *from = picture + (size_t)from_y * width * channels;
            for (int x = from_x < 0; x < columns && 2 * x + from_x < width; x++)
                for (int c = 0; c < channels; c++)
                    patches[x * size + t * channels + c] = from[(2 * x + from_x) * channels + c];
        }
        pointwise(patches, size, columns, w, w + size * 16, 16, out + (size_t)y * columns * 16, 1);
    }
}

/* The greatest of each 2 x 2 pixels, of a map of this size. */
static void pool(const float *restrict in, int height, int width, int channels,
                 float *restrict out) {
    for (int y = 0; y < height / 2; y++)
        for (int x = 0; x < width / 2; x++) {
            const float *a = in + ((size_t)2 * y * width + 2 * x) * channels;
            const float *b = a + (size_t)width * channels;
            for (int c = 0; c < channels; c++) {
                const float m = a[c] > a[c + channels] ? a[c] : a[c + channels];
                const float n = b[c] > b[c + channels] ? b[c] : b[c + channels];
                *out++ = m > n ? m : n;
            }
        }
}

/* Add to a map of this size and 64 channels one of half the size. */
static void add_enlarged(const float *restrict small, int height, int width, float *restrict to) {
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int c = 0; c < 64; c++)
                *to++ += small[((size_t)(y / 2) * (width / 2) + x / 2) * 64 + c];
}

typedef struct {
    float left, top, right, bottom, score;
} Face;

static float logistic(float x) { return 1 / (1 + expf(-x)); }

/* Add what a head finds; returns how many faces there are then. */
static int decode(const float *head, int height, int width, int stride, Face *faces, int count) {
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++, head += HEAD) {
            const float score = sqrtf(logistic(head[0]) * logistic(head[1]));
            if (!(score >= LEAST_SCORE))
                continue;
            const float cx = head[2] * stride + x * stride, cy = head[3] * stride + y * stride;
            const float w = expf(head[4]) * stride, h = expf(head[5]) * stride;
            faces[count++] = (Face){cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2, score};
        }
    return count;
}

static int in_order(float a, float b) { return (a > b) - (a < b); }

/* The surest first; equal ones by their place: sorting differs between systems. */
static int by_score(const void *one, const void *other) {
    const Face *a = one, *b = other;
    const int score = in_order(b->score, a->score), top = in_order(a->top, b->top);
    return score ? score : top ? top : in_order(a->left, b->left);
}

static float overlap(const Face *a, const Face *b) {
    const float w = fminf(a->right, b->right) - fmaxf(a->left, b->left);
    const float h = fminf(a->bottom, b->bottom) - fmaxf(a->top, b->top);
    if (!(w > 0 && h > 0))
        return 0;
    return w * h / ((a->right - a->left) * (a->bottom - a->top) +
                    (b->right - b->left) * (b->bottom - b->top) - w * h);
}

static int surest(Face *faces, int count, Face *kept, int most) {
    int n = 0;
    qsort(faces, (size_t)count, sizeof(Face), by_score);
    for (int i = 0; i < count && i < CANDIDATES && n < most; i++) {
        int known = 0;
        for (int k = 0; k < n && !known; k++)
            known = overlap(&faces[i], &kept[k]) > SAME;
        if (!known)
            kept[n++] = faces[i];
    }
    return n;
}

/* Find faces in a picture (height, width, channels), gray (1) or of three channels.

   weights: of the layers in their order, those of the first one for as many channels.
   found: room for `most` faces: left, top, right, bottom in pixels, score; the surest first.
   Returns how many were found, -1 if there is no memory. */
EXPORT int32_t faceloop_find_faces(const uint8_t *picture, int32_t height, int32_t width,
                                   int32_t channels, const float *weights, float *found,
                                   int32_t most) {
    const int h = (height + 31) / 32 * 16, w = (width + 31) / 32 * 16; /* of the first map */
    const size_t area = (size_t)h * w, places = area / 16 + area / 64 + area / 256;
    const size_t ring_size = 3 * 64 * ((size_t)w + 4); /* also holds a row of patches */
    float *a = malloc((2 * 16 * area + ring_size + (64 + HEAD) * places) * sizeof(float) +
                      places * sizeof(Face));
    if (!a)
        return -1;
    float *b = a + 16 * area, *ring = b + 16 * area, *maps[3], *heads[3], *room = ring + ring_size;
    for (int level = 0; level < 3; level++) { /* strides of 8, 16 and 32 pixels */
        maps[level] = room;
        heads[level] = room + 64 * (area >> (4 + 2 * level));
        room = heads[level] + HEAD * (area >> (4 + 2 * level));
    }
    Face *faces = (Face *)room;

    if (channels == 1)
        first_of(picture, height, width, 1, h, w, weights, a, ring);
    else
        first_of(picture, height, width, 3, h, w, weights, a, ring);
    weights += 9 * channels * 16 + 16;
    weights = separable(a, h, w, 16, 16, weights, a, ring, 1);
    pool(a, h, w, 16, b);
    weights = separable(b, h / 2, w / 2, 16, 16, weights, b, ring, 1);
    weights = separable(b, h / 2, w / 2, 16, 32, weights, a, ring, 1);
    weights = separable(a, h / 2, w / 2, 32, 32, weights, a, ring, 1);
    weights = separable(a, h / 2, w / 2, 32, 64, weights, b, ring, 1);
    const float *last = b;
    for (int level = 0; level < 3; level++) {
        const int rows = h >> (level + 2), columns = w >> (level + 2);
        float *map = maps[level];
        pool(last, 2 * rows, 2 * columns, 64, map);
        weights = separable(map, rows, columns, 64, 64, weights, map, ring, 1);
        weights = separable(map, rows, columns, 64, 64, weights, map, ring, 1);
        last = map;
    }
    for (int level = 2; level >= 0; level--) {
        const int rows = h >> (level + 2), columns = w >> (level + 2);
        float *map = maps[level];
        if (level < 2)
            add_enlarged(maps[level + 1], rows, columns, map);
        weights = separable(map, rows, columns, 64, 64, weights, map, ring, 1);
        weights = separable(map, rows, columns, 64, HEAD, weights, heads[level], ring, 0);
    }
    int count = 0;
    for (int level = 0; level < 3; level++)
        count = decode(heads[level], h >> (level + 2), w >> (level + 2), 8 << level, faces, count);
    count = surest(faces, count, (Face *)found, most);
    free(a);
    return count;
}

#endif
