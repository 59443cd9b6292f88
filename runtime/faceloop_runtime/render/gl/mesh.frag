// The picture between four pixels, as OpenCV's remap has it: linear, the edge repeated.
uniform sampler2D image;
uniform vec2 image_size;

varying vec2 there;

vec3 at(vec2 pixel) {
    return texture2D(image, (clamp(pixel, vec2(0.0), image_size - 1.0) + 0.5) / image_size).rgb;
}

void main() {
    vec2 low = floor(there);
    vec2 share = there - low;
    vec3 above = mix(at(low), at(low + vec2(1.0, 0.0)), share.x);
    vec3 below = mix(at(low + vec2(0.0, 1.0)), at(low + vec2(1.0, 1.0)), share.x);
    gl_FragColor = vec4(mix(above, below, share.y), 1.0);
}
