// Gray value, length of its gradient, and the gradient: derivatives as cv2.Sobel(ksize=1).

uniform sampler2D gray;
uniform vec2 size;

float at(vec2 place) {
    place = abs(place);  // reflected beyond the edge, the edge itself once
    place = (size - 1.0) - abs((size - 1.0) - place);
    return texture2D(gray, (place + 0.5) / size).x;
}

void main() {
    vec2 here = floor(gl_FragCoord.xy);
    float x = 0.5 * (at(here + vec2(1.0, 0.0)) - at(here - vec2(1.0, 0.0)));
    float y = 0.5 * (at(here + vec2(0.0, 1.0)) - at(here - vec2(0.0, 1.0)));
    gl_FragColor = vec4(at(here), sqrt(x * x + y * y), x, y);
}
