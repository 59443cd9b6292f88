// Corners of triangles, in pixels of the target, each with its place in the picture.
attribute vec2 place;
attribute vec2 source;

uniform vec2 size;

varying vec2 there;

void main() {
    there = source;
    gl_Position = vec4((place + 0.5) / size * 2.0 - 1.0, 0.0, 1.0);
}
