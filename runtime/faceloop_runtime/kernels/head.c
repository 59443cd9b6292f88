/* How the head of a fit is turned: `head_pose` of faceloop_runtime/pdm3d/head_pose.py, for one face
   all of whose points are known. That module and pose.py say what is computed and why. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"

#define POSE 6
#define TURNS 9
#define ROUNDS 2
#define LONGEST 0.5
#define FARTHEST_Z 3.0
#define TURN_UNIT 30.0
#define DEGREES 57.29577951308232

typedef struct {
    double scale, rotation[3][3], shift[2];
} Pose;

static double clip(double value, double most) { return fmin(fmax(value, -most), most); }

static double dot(const double *a, const double *b, int64_t count) {
    double sum = 0.0;
    for (int64_t i = 0; i < count; i++) sum += a[i] * b[i];
    return sum;
}

/* Of rows that are padded to a multiple of WIDE: in as many sums, so that a compiler may use
   vectors, and several at once. */
#define WIDE 32
static double row_dot(const double *a, const double *b, int64_t padded) {
    double sums[WIDE] = {0};
    for (int64_t i = 0; i < padded; i += WIDE)
        for (int j = 0; j < WIDE; j++) sums[j] += a[i + j] * b[i + j];
    double s[8];
    for (int j = 0; j < 8; j++) s[j] = (sums[j] + sums[j + 8]) + (sums[j + 16] + sums[j + 24]);
    return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}

static void small_turn(const double *v, double turn[3][3]) {
    double angle = sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
    double half = angle > 0 ? sin(angle / 2) / (angle / 2) : 1.0;
    double whole = angle > 0 ? sin(angle) / angle : 1.0;
    double cross[3][3] = {{0, -v[2], v[1]}, {v[2], 0, -v[0]}, {-v[1], v[0], 0}};
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            double twice = 0.0;
            for (int k = 0; k < 3; k++) twice += cross[i][k] * cross[k][j];
            turn[i][j] = (i == j) + whole * cross[i][j] + 0.5 * half * half * twice;
        }
}

static void multiply(double a[3][3], double b[3][3], double out[3][3]) {
    double result[3][3] = {{0}};
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
            for (int j = 0; j < 3; j++) result[i][j] += a[i][k] * b[k][j];
    memcpy(out, result, sizeof result);
}

/* The scaled rotation nearest to the affine map of the mean onto the points: the polar factor of
   a 2 x 3 matrix A is (A A')^-1/2 A, and the root of a 2 x 2 matrix M is (M + s I) / t, with
   s^2 = det M and t^2 = tr M + 2 s. 0 if the points lie on one line. */
static int affine_start(int64_t count, const double *inverse, const double *points, Pose *pose) {
    double map[2][4] = {{0}};
    for (int r = 0; r < 4; r++)
        for (int64_t n = 0; n < count; n++)
            for (int c = 0; c < 2; c++) map[c][r] += inverse[r * count + n] * points[2 * n + c];
    double *a = map[0], *b = map[1];
    double normal[3] = {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
    double aa = dot(a, a, 3), ab = dot(a, b, 3), bb = dot(b, b, 3);
    double s = sqrt(dot(normal, normal, 3)), t = sqrt(aa + bb + 2 * s);
    if (!(s > 1e-9 * (aa + bb))) return 0;
    for (int k = 0; k < 3; k++) {
        pose->rotation[0][k] = ((bb + s) * a[k] - ab * b[k]) / (s * t);
        pose->rotation[1][k] = ((aa + s) * b[k] - ab * a[k]) / (s * t);
    }
    for (int k = 0; k < 3; k++) {
        int i = (k + 1) % 3, j = (k + 2) % 3;
        pose->rotation[2][k] =
            pose->rotation[0][i] * pose->rotation[1][j] - pose->rotation[0][j] * pose->rotation[1][i];
    }
    pose->scale = t / 2;
    pose->shift[0] = a[3], pose->shift[1] = b[3];
    return 1;
}

/* Solve for the step by Cholesky's decomposition, in place; 0 if the matrix is not positive. */
static int solve(double *matrix, double *right, int64_t size) {
    for (int64_t i = 0; i < size; i++) {
        double *row = matrix + i * size;
        for (int64_t j = 0; j < i; j++) {
            double *other = matrix + j * size;
            row[j] = (row[j] - dot(row, other, j)) / other[j];
        }
        double left = row[i] - dot(row, row, i);
        if (!(left > 0)) return 0;
        row[i] = sqrt(left);
        right[i] = (right[i] - dot(row, right, i)) / row[i];
    }
    for (int64_t i = size - 1; i >= 0; i--) {
        right[i] /= matrix[i * size + i];
        for (int64_t j = 0; j < i; j++) right[j] -= matrix[i * size + j] * right[i];
    }
    return 1;
}

static int64_t padded(int64_t count) { return (count + WIDE - 1) / WIDE * WIDE; }

/* One Gauss-Newton step of pose and shape together, `improved`. */
static int improve(int64_t count, int64_t modes, const double *mean, const double *loadings,
                   const double *precision, const double *points, Pose *pose, double *z, double *work) {
    int64_t size = POSE + modes, wide = padded(2 * count);
    double *rows = work, *shape = rows + size * wide, *away = shape + 3 * count;
    double *weighted = away + wide, *normal = weighted + wide, *step = normal + size * size;
    double axes[3][3];
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++) axes[i][k] = pose->scale * pose->rotation[i][k];
    memcpy(shape, mean, 3 * count * sizeof *shape);
    for (int64_t k = 0; k < modes; k++)
        for (int64_t n = 0; n < 3 * count; n++) shape[n] += z[k] * loadings[3 * count * k + n];
    const double *sx = shape, *sy = shape + count, *sz = shape + 2 * count;
    memset(rows, 0, size * wide * sizeof *rows);
    memset(away, 0, 2 * wide * sizeof *away); /* and what is weighted */
    for (int64_t n = 0; n < count; n++) {
        double x = axes[0][0] * sx[n] + axes[0][1] * sy[n] + axes[0][2] * sz[n];
        double y = axes[1][0] * sx[n] + axes[1][1] * sy[n] + axes[1][2] * sz[n];
        double depth = axes[2][0] * sx[n] + axes[2][1] * sy[n] + axes[2][2] * sz[n];
        away[n] = points[2 * n] - x - pose->shift[0];
        away[count + n] = points[2 * n + 1] - y - pose->shift[1];
        rows[n] = x, rows[count + n] = y;
        rows[wide + count + n] = -depth;
        rows[2 * wide + n] = depth;
        rows[3 * wide + n] = -y, rows[3 * wide + count + n] = x;
        rows[4 * wide + n] = rows[5 * wide + count + n] = 1.0;
    }
    for (int64_t k = 0; k < modes; k++) {
        const double *x = loadings + 3 * count * k, *y = x + count, *depth = y + count;
        for (int c = 0; c < 2; c++) {
            double *row = rows + (POSE + k) * wide + c * count;
            for (int64_t n = 0; n < count; n++)
                row[n] = axes[c][0] * x[n] + axes[c][1] * y[n] + axes[c][2] * depth[n];
        }
    }
    for (int64_t i = 0; i < size; i++) {
        const double *row = rows + i * wide;
        for (int64_t n = 0; n < count; n++) {
            weighted[n] = row[n] * precision[n];
            weighted[count + n] = row[count + n] * precision[n];
        }
        for (int64_t j = 0; j <= i; j++) normal[i * size + j] = row_dot(weighted, rows + j * wide, wide);
        step[i] = row_dot(weighted, away, wide);
        if (i >= POSE) step[i] -= z[i - POSE], normal[i * size + i] += 1.0;
        if (0 < i && i < POSE) normal[i * size + i] += 1e-9;
    }
    if (!solve(normal, step, size)) return 0;
    double turned = sqrt(step[1] * step[1] + step[2] * step[2] + step[3] * step[3]);
    for (int i = 1; i < 4; i++) step[i] *= fmin(1.0, LONGEST / fmax(turned, LONGEST));
    double turn[3][3];
    small_turn(step + 1, turn);
    multiply(turn, pose->rotation, pose->rotation);
    pose->scale *= exp(clip(step[0], LONGEST));
    pose->shift[0] += step[4], pose->shift[1] += step[5];
    for (int64_t k = 0; k < modes; k++) z[k] += step[POSE + k];
    return 1;
}

static void turns_of(double rotation[3][3], double *turns) {
    turns[0] = DEGREES * asin(clip(-rotation[2][0], 1.0));
    turns[1] = DEGREES * atan2(-rotation[2][1], rotation[2][2]);
    turns[2] = DEGREES * atan2(rotation[1][0], rotation[0][0]);
}

/* `PoseCorrection`: reach (2), offset (3) and weights (TURNS + 2 modes, 3). */
static void correct(int64_t modes, const double *correction, const double *z, double rotation[3][3]) {
    const double *reach = correction, *weights = correction + 5;
    double turns[3], vector[3] = {correction[2], correction[3], correction[4]}, turn[3][3];
    turns_of(rotation, turns);
    double y = clip(turns[0], reach[0]) / TURN_UNIT, p = clip(turns[1], reach[1]) / TURN_UNIT;
    double powers[TURNS] = {y, p, y * y, y * p, p * p, y * y * y, y * y * p, y * p * p, p * p * p};
    for (int i = 0; i < TURNS; i++)
        for (int c = 0; c < 3; c++) vector[c] += powers[i] * weights[3 * i + c];
    for (int64_t k = 0; k < modes; k++)
        for (int c = 0; c < 3; c++) {
            double near = clip(z[k], FARTHEST_Z);
            vector[c] += near * weights[3 * (TURNS + k) + c];
            vector[c] += near * y * weights[3 * (TURNS + modes + k) + c];
        }
    small_turn(vector, turn);
    multiply(rotation, turn, rotation);
}

/* Write yaw, pitch and roll, in degrees. Return 0 if they cannot be told.

   model: what brings points to the affine map of the mean onto them (4, N), then mean (3, N),
   loadings (K, 3, N) and noise (N,) of a `ShapeModel3D`. correction: may be NULL. noise: variance
   of a coordinate of a point, in the model's unit. points: (N, 2), all known. */
EXPORT int32_t faceloop_head_pose(int64_t count, int64_t modes, const double *model,
                                  const double *correction, double noise, const double *points,
                                  double *turns) {
    const double *mean = model + 4 * count, *loadings = mean + 3 * count;
    const double *own_noise = loadings + 3 * count * modes;
    int64_t size = POSE + modes, wide = padded(2 * count);
    Pose pose;
    if (!affine_start(count, model, points, &pose)) return 0;
    double *work = malloc((size * (wide + size + 1) + 2 * wide + 4 * count + modes) * sizeof *work);
    if (work == NULL) return 0;
    double *precision = work, *z = precision + count, *rest = z + modes;
    for (int64_t n = 0; n < count; n++)
        precision[n] = 1.0 / (own_noise[n] + noise) / (pose.scale * pose.scale);
    memset(z, 0, modes * sizeof *z);
    int found = 1;
    for (int round = 0; found && round < ROUNDS; round++)
        found = improve(count, modes, mean, loadings, precision, points, &pose, z, rest);
    if (found && correction != NULL) correct(modes, correction, z, pose.rotation);
    if (found) turns_of(pose.rotation, turns);
    free(work);
    return found;
}
