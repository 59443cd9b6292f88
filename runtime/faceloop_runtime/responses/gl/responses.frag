// The response maps of all landmarks of one scale.
//
// A tile of the target is one landmark's map. A texel holds the responses at OUTPUTS
// neighbouring places of a row: four as floats, or one packed into four bytes. The filter
// slides along the row of the channel maps, so that one fetch of each serves all outputs.
//
// Set before: PATCH (width of a patch), GROUPS (texels that hold one pixel of all
// channels), OUTPUTS, TILE_WIDTH and TILE_HEIGHT (in texels of the target).

uniform sampler2D channels;  // GROUPS maps, one below the other
uniform sampler2D filters;   // a tile a landmark: PATCH rows of GROUPS x STEPS
uniform sampler2D places;    // a texel a landmark: top left pixel of its first patch, largest response
uniform vec2 channels_size;
uniform vec2 filters_size;
uniform vec2 grid;           // tiles across and down
uniform float height;        // of one channel map

const int STEPS = PATCH + OUTPUTS - 1;
const vec2 TILE = vec2(float(TILE_WIDTH), float(TILE_HEIGHT));

#if OUTPUTS == 1
// A number from 0 to 1 as four digits to the base 256. A target of bytes stores
// rint(255 v) for v, hence digit / 255.
vec4 pack(float unit) {
    vec4 digits;
    float rest = clamp(unit, 0.0, 0.99999994) * 256.0;
    for (int k = 0; k < 4; k++) {
        float digit = floor(rest);
        rest = (rest - digit) * 256.0;
        if (k == 0) digits.x = digit;
        else if (k == 1) digits.y = digit;
        else if (k == 2) digits.z = digit;
        else digits.w = digit;
    }
    return digits / 255.0;
}
#endif

void main() {
    vec2 here = floor(gl_FragCoord.xy);
    vec2 tile = floor((here + 0.5) / TILE);
    vec2 place = here - tile * TILE;
    vec4 landmark = texture2D(places, (tile + 0.5) / grid);
    vec2 corner = landmark.xy + place * vec2(float(OUTPUTS), 1.0) + 0.5;
    vec2 first = tile * vec2(float(GROUPS * STEPS), float(PATCH)) + 0.5;
    vec2 pixel = 1.0 / channels_size;
    vec2 texel = 1.0 / filters_size;

    vec4 sum = vec4(0.0);
    for (int group = 0; group < GROUPS; group++) {
        for (int y = 0; y < PATCH; y++) {
            vec2 from = (corner + vec2(0.0, height * float(group) + float(y))) * pixel;
            vec2 with = (first + vec2(float(group * STEPS), float(y))) * texel;
            vec4 f0 = vec4(0.0), f1 = vec4(0.0), f2 = vec4(0.0), f3 = vec4(0.0);
            for (int x = 0; x < STEPS; x++) {
                vec4 c = texture2D(channels, from + vec2(float(x) * pixel.x, 0.0));
#if OUTPUTS == 4
                f3 = f2;
                f2 = f1;
                f1 = f0;
#endif
                f0 = texture2D(filters, with + vec2(float(x) * texel.x, 0.0));
#if OUTPUTS == 4
                sum += vec4(dot(c, f0), dot(c, f1), dot(c, f2), dot(c, f3));
#else
                sum.x += dot(c, f0);
#endif
            }
        }
    }
#if OUTPUTS == 1
    gl_FragColor = pack(0.5 + 0.5 * sum.x / landmark.z);
#else
    gl_FragColor = sum;
#endif
}
