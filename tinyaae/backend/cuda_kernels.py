"""The CUDA source of the fused kernels. Each has its plain version in `Backend`, and the tests hold it to that.

`Real` is float or double. Every kernel also compiles as ordinary C++ (the tests do so), because it uses nothing of
CUDA but the number of its thread.

Noise is Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011): a key of two words and a
counter of four become four random words, by ten rounds of multiplying and mixing. The key is (seed, stream), the
counter (block of four numbers, draw, step, high half of the seed), so every draw of every step of every phase
has noise of its own that can be had again. The step may be read from memory: a recorded graph then draws fresh noise.
"""

SOURCE = r"""
typedef unsigned int Word;

#define FIRST ((long long)blockIdx.x * blockDim.x + threadIdx.x)
#define STRIDE ((long long)gridDim.x * blockDim.x)

struct Block { Word x[4]; };

__device__ Word high_half(Word a, Word b) { return (Word)(((unsigned long long)a * b) >> 32); }

__device__ Block philox(Block c, Word key0, Word key1) {
    for (int round = 0; round < 10; ++round) {
        const Word high0 = high_half(0xD2511F53u, c.x[0]), low0 = 0xD2511F53u * c.x[0];
        const Word high1 = high_half(0xCD9E8D57u, c.x[2]), low1 = 0xCD9E8D57u * c.x[2];
        const Block next = {{high1 ^ c.x[1] ^ key0, low1, high0 ^ c.x[3] ^ key1, low0}};
        c = next;
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    return c;
}

struct Place { Word seed, seed_high, stream, draw; };

__device__ Block noise_at(Place place, Word step, long long block) {
    const Block counter = {{(Word)block, place.draw, step, place.seed_high}};
    return philox(counter, place.seed, place.stream);
}

// u in [0, 1): the upper 24 bits, which float and double both hold exactly
extern "C" __global__ void uniform(Real* out, long long n, Word seed, Word seed_high, Word stream, Word draw,
                                   Word step, const Word* step_in_memory) {
    const Place place = {seed, seed_high, stream, draw};
    if (step_in_memory) step = *step_in_memory;
    for (long long block = FIRST; 4 * block < n; block += STRIDE) {
        const Block random = noise_at(place, step, block);
        for (int k = 0; k < 4 && 4 * block + k < n; ++k)
            out[4 * block + k] = (Real)(random.x[k] >> 8) * (Real)(1.0 / 16777216);
    }
}

// N(0, 1) by Box and Muller: sqrt(-2 ln u) times the cosine and the sine of 2 pi v; u in (0, 1], v in [0, 1)
extern "C" __global__ void normal(Real* out, long long n, Word seed, Word seed_high, Word stream, Word draw,
                                  Word step, const Word* step_in_memory) {
    const Place place = {seed, seed_high, stream, draw};
    if (step_in_memory) step = *step_in_memory;
    for (long long block = FIRST; 4 * block < n; block += STRIDE) {
        const Block random = noise_at(place, step, block);
        Real pair[4];
        for (int half = 0; half < 2; ++half) {
            const Real u = ((Real)random.x[2 * half] + (Real)0.5) * (Real)(1.0 / 4294967296.0);
            const Real v = (Real)(random.x[2 * half + 1] >> 8) * (Real)(1.0 / 16777216);
            const Real radius = SQRT(-2 * LOG(u));
            pair[2 * half] = radius * COSPI(2 * v);
            pair[2 * half + 1] = radius * SINPI(2 * v);
        }
        for (int k = 0; k < 4 && 4 * block + k < n; ++k) out[4 * block + k] = pair[k];
    }
}

extern "C" __global__ void adam(Real* w, const Real* dw, Real* mean, Real* square, const Real* rate,
                                Real beta1, Real beta2, long long n) {
    const Real step = rate[0], epsilon = rate[1];
    for (long long i = FIRST; i < n; i += STRIDE) {
        const Real g = dw[i];
        const Real m = mean[i] * beta1 + g;
        const Real s = square[i] * beta2 + g * g;
        mean[i] = m;
        square[i] = s;
        w[i] -= m / (SQRT(s) + epsilon) * step;
    }
}

extern "C" __global__ void momentum(Real* w, const Real* dw, Real* velocity, const Real* rate, Real decay,
                                    long long n) {
    for (long long i = FIRST; i < n; i += STRIDE) {
        const Real v = velocity[i] * decay + dw[i];
        velocity[i] = v;
        w[i] -= rate[0] * v;
    }
}

// Rows `index` of images (count, d) of bytes, in [0, 1]
extern "C" __global__ void rows(Real* out, const unsigned char* images, const long long* index, long long n, int d) {
    for (long long i = FIRST; i < n * d; i += STRIDE) out[i] = (Real)images[index[i / d] * d + i % d] / (Real)255;
}

// Sixteen words by value: nothing is copied from the host's memory, so nothing has to wait for a copy
extern "C" __global__ void write_words(Word* out, Word a, Word b, Word c, Word d, Word e, Word f, Word g, Word h,
                                       Word i, Word j, Word k, Word l, Word m, Word n, Word o, Word p) {
    const Word words[16] = {a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p};
    for (long long at = FIRST; at < 16; at += STRIDE) out[at] = words[at];
}

// Up to sixteen arrays without dimensions as one array
extern "C" __global__ void pack(Real* out, int n, const Real* a, const Real* b, const Real* c, const Real* d,
                                const Real* e, const Real* f, const Real* g, const Real* h, const Real* i,
                                const Real* j, const Real* k, const Real* l, const Real* m, const Real* o,
                                const Real* p, const Real* q) {
    const Real* values[16] = {a, b, c, d, e, f, g, h, i, j, k, l, m, o, p, q};
    for (long long at = FIRST; at < n; at += STRIDE) out[at] = *values[at];
}
"""
KERNELS = ("uniform", "normal", "adam", "momentum", "rows", "write_words", "pack")


def options(dtype):
    """Return the compiler's options for `Real` = float32 or float64.

    Without fused multiply-add, each kernel rounds where its plain version does.
    """
    suffix = {"float32": "f", "float64": ""}[str(dtype)]
    names = {"Real": "float" if suffix else "double"}
    names |= {name.upper(): name + suffix for name in ("sqrt", "log", "cospi", "sinpi")}
    return ("--fmad=false", *(f"-D{name}={value}" for name, value in names.items()))
