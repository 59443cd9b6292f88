// Four channel maps, as `channel_stack` computes them.
//
// Set before: LANES, a vec4 of calls of the functions below.

uniform sampler2D slopes;   // gray value, length of the gradient, gradient
uniform sampler2D means;    // mean gray value minus this one, mean length of the gradient
uniform sampler2D squares;  // mean square of the first of these
uniform vec2 size;
uniform float first;        // row of the target that these maps begin in

vec2 here;
vec4 slope;
vec2 mean;

float raw() {
    return -mean.x / (sqrt(texture2D(squares, (here + 0.5) / size).x) + 4.0);
}

float gradient(float x, float y) {
    vec2 normed = slope.zw / (mean.y + 2.0);
    return max(normed.x * x + normed.y * y, 0.0);
}

float lbp(float x, float y) {
    vec2 there = clamp(here + vec2(x, y), vec2(0.0), size - 1.0);
    float difference = texture2D(slopes, (there + 0.5) / size).x - slope.x;
    return clamp(0.25 * difference, -1.0, 1.0);
}

void main() {
    here = floor(gl_FragCoord.xy) - vec2(0.0, first);
    slope = texture2D(slopes, (here + 0.5) / size);
    mean = texture2D(means, (here + 0.5) / size).xy;
    gl_FragColor = LANES;
}
