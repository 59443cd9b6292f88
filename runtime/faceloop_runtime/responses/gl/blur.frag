// Mean over WINDOW pixels along one axis: half of cv2.blur.
//
// Set before: WINDOW (odd), and VALUE, what is averaged: a vec2 made of the texels `here`, in
// the middle, and `there`.

uniform sampler2D source;
uniform vec2 size;
uniform vec2 along;  // (1, 0) or (0, 1)

vec4 at(vec2 place) {
    place = abs(place);  // reflected beyond the edge, the edge itself once
    place = (size - 1.0) - abs((size - 1.0) - place);
    return texture2D(source, (place + 0.5) / size);
}

void main() {
    vec2 middle = floor(gl_FragCoord.xy);
    vec4 here = at(middle);
    vec2 sum = vec2(0.0);
    for (int k = -(WINDOW / 2); k <= WINDOW / 2; k++) {
        vec4 there = at(middle + float(k) * along);
        sum += VALUE;
    }
    gl_FragColor = vec4(sum / float(WINDOW), here.x, 0.0);
}
