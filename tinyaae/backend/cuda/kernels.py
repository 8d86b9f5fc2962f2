"""The CUDA source of the fused kernels; each has its plain version in `Backend`, and the tests compare the two.

`Real` is float or double. Every kernel also compiles as ordinary C++, and the tests do so. It uses only the number of
its thread and, in places, the block's shared memory and barrier. Sums are taken in one fixed order, never by atomic
additions, so equal runs give equal bits.

Noise is Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011). A key of two words and a
counter of four words become four random words, by ten rounds of multiplying and mixing. The key is (seed, stream). The
counter is (block of four numbers, draw, step, high half of the seed). So every draw of every step of every phase has
its own noise, which can be repeated. The step may be read from memory: a recorded graph then draws new noise.
"""

import re

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

// Layers: elementwise

__device__ Real positive_part(Real x) { return x > 0 || x != x ? x : 0; }  // what is not a number stays so

// y = max(y + b, 0) in place, for y (n, d) and b (d,)
extern "C" __global__ void bias_relu(Real* y, const Real* b, long long n, int d) {
    for (long long i = FIRST; i < n * d; i += STRIDE) y[i] = positive_part(y[i] + b[i % d]);
}

// y, the output of the ReLU, may be null: there is none
__device__ Real behind_relu(Real dy, const Real* y, long long at) { return !y || y[at] > 0 ? dy : dy * 0; }

extern "C" __global__ void relu_backward(Real* dx, const Real* dy, const Real* y, long long n) {
    for (long long i = FIRST; i < n; i += STRIDE) dx[i] = behind_relu(dy[i], y, i);
}

__device__ Real sigmoid_of(Real x) { return (TANH(x / 2) + 1) / 2; }

extern "C" __global__ void sigmoid(Real* y, const Real* x, long long n) {
    for (long long i = FIRST; i < n; i += STRIDE) y[i] = sigmoid_of(x[i]);
}

extern "C" __global__ void sigmoid_backward(Real* dx, const Real* dy, const Real* y, long long n) {
    for (long long i = FIRST; i < n; i += STRIDE) dx[i] = dy[i] * y[i] * (1 - y[i]);
}

// Layers: a thread for each of n rows of k numbers, few; row i of x starts at x + i * stride

extern "C" __global__ void softmax(Real* y, const Real* x, long long n, int k, long long stride) {
    for (long long i = FIRST; i < n; i += STRIDE) {
        const Real* row = x + i * stride;
        Real top = row[0], total = 0;
        for (int j = 1; j < k; ++j) top = row[j] > top || row[j] != row[j] ? row[j] : top;
        for (int j = 0; j < k; ++j) total += y[i * k + j] = EXP(row[j] - top);
        for (int j = 0; j < k; ++j) y[i * k + j] /= total;
    }
}

extern "C" __global__ void softmax_backward(Real* dx, const Real* dy, const Real* y, long long n, int k) {
    for (long long i = FIRST; i < n; i += STRIDE) {
        Real along = 0;
        for (int j = i * k; j < (i + 1) * k; ++j) along += dy[j] * y[j];
        for (int j = i * k; j < (i + 1) * k; ++j) dx[j] = y[j] * (dy[j] - along);
    }
}

// Losses: each block writes its part of the value; a single block writes the value itself, the mean over n rows

__device__ Real sum_of_block(Real x) {
    __shared__ Real parts[THREADS];
    parts[threadIdx.x] = x;
    __syncthreads();
    for (int half = THREADS / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) parts[threadIdx.x] += parts[threadIdx.x + half];
        __syncthreads();
    }
    const Real total = parts[0];
    __syncthreads();
    return total;
}

__device__ void write_value(Real* values, Real value, long long n) {
    value = sum_of_block(value);
    if (threadIdx.x == 0) values[blockIdx.x] = gridDim.x == 1 ? value / n : value;
}

// Row i of x starts at x + i * stride; a thread for each row
extern "C" __global__ void softmax_cross_entropy(Real* values, Real* dx, const Real* x, const Real* target, long long n,
                                                 int k, long long stride) {
    Real value = 0;
    for (long long i = FIRST; i < n; i += STRIDE) {
        const Real *row = x + i * stride, *t = target + i * k;
        Real top = row[0], total = 0;
        for (int j = 1; j < k; ++j) top = row[j] > top || row[j] != row[j] ? row[j] : top;
        for (int j = 0; j < k; ++j) total += EXP(row[j] - top);
        const Real log_total = LOG(total);
        for (int j = 0; j < k; ++j) {
            value -= t[j] * (row[j] - top - log_total);
            dx[i * k + j] = (EXP(row[j] - top) / total - t[j]) / n;
        }
    }
    write_value(values, value, n);
}

extern "C" __global__ void half_squared_error(Real* values, Real* doutput, const Real* output, const Real* target,
                                              long long n, int d) {
    Real value = 0;
    for (long long i = FIRST; i < n * d; i += STRIDE) {
        const Real difference = output[i] - target[i];
        value += difference * difference / 2;
        doutput[i] = difference / n;
    }
    write_value(values, value, n);
}

extern "C" __global__ void binary_cross_entropy(Real* values, Real* dlogits, const Real* logits, const Real* target,
                                                long long n, int d) {
    Real value = 0;
    for (long long i = FIRST; i < n * d; i += STRIDE) {
        const Real l = logits[i], t = target[i];
        value += positive_part(l) - l * t + LOG1P(EXP(-FABS(l)));
        dlogits[i] = (sigmoid_of(l) - t) / n;
    }
    write_value(values, value, n);
}

// One block: the fraction of n logits that are on the side of their target
extern "C" __global__ void accuracy(Real* out, const Real* logits, const Real* target, long long n) {
    Real right = 0;
    for (long long i = threadIdx.x; i < n; i += THREADS) right += (logits[i] > 0) == (target[i] > 0);
    write_value(out, right, n);
}

// One block: the mean over n rows of what the blocks of a loss have written
extern "C" __global__ void mean_of(Real* out, const Real* values, int count, long long n) {
    Real sum = 0;
    for (int i = threadIdx.x; i < count; i += THREADS) sum += values[i];
    write_value(out, sum, n);
}

// By columns: a block for each COLUMNS columns, LANES threads a column; neighbours read neighbouring columns

#define LANES (THREADS / COLUMNS)
#define EACH_ROW(i) for (long long i = threadIdx.x / COLUMNS; mine && i < n; i += LANES)

__device__ Real sum_of_column(Real x) {
    __shared__ Real parts[THREADS];
    parts[threadIdx.x] = x;
    __syncthreads();
    Real total = 0;
    for (int lane = 0; lane < LANES; ++lane) total += parts[lane * COLUMNS + threadIdx.x % COLUMNS];
    __syncthreads();
    return total;
}

__device__ void write_or_add(Real* out, Real x, int add) { *out = add ? *out + x : x; }

// Backward of the ReLU behind a Linear, and the sums over rows for its bias. y and dx may be null: there is no ReLU
extern "C" __global__ void bias_backward(Real* dx, Real* db, const Real* dy, const Real* y, long long n, int d,
                                         int add) {
    const int column = blockIdx.x * COLUMNS + threadIdx.x % COLUMNS;
    const bool mine = column < d;
    Real sum = 0;
    EACH_ROW(i) {
        const long long at = i * d + column;
        const Real g = behind_relu(dy[at], y, at);
        if (dx) dx[at] = g;
        sum += g;
    }
    sum = sum_of_column(sum);
    if (mine && threadIdx.x < COLUMNS) write_or_add(db + column, sum, add);
}

// Batch norm of x + bias, and a ReLU behind it if `relu`; bias may be null
extern "C" __global__ void batch_norm(Real* y, Real* xhat, Real* scale, Real* mean, Real* var, const Real* x,
                                      const Real* bias, const Real* gamma, const Real* beta, long long n, int d,
                                      Real epsilon, int relu) {
    const int column = blockIdx.x * COLUMNS + threadIdx.x % COLUMNS;
    const bool mine = column < d;
    const Real b = bias && mine ? bias[column] : 0;
    Real sum = 0, square = 0;
    EACH_ROW(i) sum += x[i * d + column] + b;
    const Real m = sum_of_column(sum) / n;
    EACH_ROW(i) {
        const Real centred = x[i * d + column] + b - m;
        square += centred * centred;
    }
    const Real v = sum_of_column(square) / n, s = 1 / SQRT(v + epsilon);
    EACH_ROW(i) {
        const Real h = (x[i * d + column] + b - m) * s, out = gamma[column] * h + beta[column];
        xhat[i * d + column] = h;
        y[i * d + column] = relu ? positive_part(out) : out;
    }
    if (mine && threadIdx.x < COLUMNS) {
        scale[column] = s;
        mean[column] = m;
        var[column] = v;
    }
}

// y, of the ReLU behind the batch norm, may be null; so may be what is not needed: dx; dgamma and dbeta; db of the bias
extern "C" __global__ void batch_norm_backward(Real* dx, Real* dgamma, Real* dbeta, Real* db, const Real* dy,
                                               const Real* y, const Real* xhat, const Real* scale, const Real* gamma,
                                               long long n, int d, int add, int add_db) {
    const int column = blockIdx.x * COLUMNS + threadIdx.x % COLUMNS;
    const bool mine = column < d;
    Real sum = 0, along = 0, sum_dx = 0;
    EACH_ROW(i) {
        const long long at = i * d + column;
        const Real g = behind_relu(dy[at], y, at);
        sum += g;
        along += g * xhat[at];
    }
    sum = sum_of_column(sum);
    along = sum_of_column(along);
    EACH_ROW(i) {
        if (!dx) break;
        const long long at = i * d + column;
        const Real g = behind_relu(dy[at], y, at);
        dx[at] = gamma[column] * scale[column] * (g - sum / n - xhat[at] * (along / n));
        sum_dx += dx[at];
    }
    sum_dx = sum_of_column(sum_dx);
    if (mine && threadIdx.x < COLUMNS) {
        if (dgamma) write_or_add(dgamma + column, along, add);
        if (dgamma) write_or_add(dbeta + column, sum, add);
        if (db) write_or_add(db + column, sum_dx, add_db);
    }
}

extern "C" __global__ void running_averages(Real* running_mean, Real* running_var, const Real* mean, const Real* var,
                                            Real rate, long long d) {
    for (long long i = FIRST; i < d; i += STRIDE) {
        running_mean[i] += rate * (mean[i] - running_mean[i]);
        running_var[i] += rate * (var[i] - running_var[i]);
    }
}

// Recording

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
KERNELS = tuple(re.findall(r'extern "C" __global__ void (\w+)', SOURCE))
THREADS = 256  # threads of a block
BLOCKS = 2048  # most blocks of a kernel; they keep every multiprocessor busy, and a thread then takes several elements
COLUMNS = 8  # columns of a block, where a block takes columns: 32 bytes, the least that is read from memory at once


def options(dtype):
    """Return the compiler's options for `Real` = float32 or float64.

    Without fused multiply-add, each kernel rounds where its plain version does.
    """
    suffix = {"float32": "f", "float64": ""}[str(dtype)]
    names = {"Real": "float" if suffix else "double"}
    names |= {name.upper(): name + suffix for name in ("sqrt", "log", "log1p", "exp", "tanh", "fabs", "cospi", "sinpi")}
    return (
        "--fmad=false",
        f"-DTHREADS={THREADS}",
        f"-DCOLUMNS={COLUMNS}",
        *(f"-D{name}={value}" for name, value in names.items()),
    )
