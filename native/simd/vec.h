// One vector of floats as wide as the instruction set the including file is compiled for, with the same names for all
// of them. A kernel written over Vec is compiled once per instruction set; nothing here has a name outside its file.
//
// Types
//   Vec      kVecWidth floats          VecInt   kVecWidth int32          VecMask   one truth value per lane
// Memory (no alignment is needed unless said; the Partial forms take 0 < n <= kVecWidth lanes, never touch memory past
// the n-th and load zeros into the others)
//   load(p)  loadPartial(p, n)  store(p, v)  storePartial(p, v, n)       for float* and int32_t* (loadInt, ...)
//   settled(v)       v as it is, computed for all lanes: merged into a masked instruction, a load would wait for its
//   mask stream(p, v)     store around the caches; p aligned to kVecWidth * 4 bytes; call streamFence() after the last
//   one
// Arithmetic
//   broadcast(x)  zero()  add  sub  mul  div  negate  abs  sqrt  roundEven
//   fma(a, b, c)     a * b + c, rounded once where the instruction set has it (everywhere but scalar)
//   min(a, b)        a < b ? a : b, so a NaN on either side gives b; likewise max(a, b) is a > b ? a : b
// Comparison (false for NaN, except isNan)
//   lt  le  gt  ge  eq  isNan     maskAnd  maskOr  maskNot  anyOf(m)     select(m, a, b)   m ? a : b, lane by lane
// Reductions, always in the same order: halves are folded onto each other until one lane is left
//   reduceAdd(v)  reduceMax(v)  reduceMin(v)
// Rearrangement
//   transpose(rows)  kVecWidth vectors, the rows of a square, become its columns
// Integers (wrapping)
//   broadcastInt(x)  add  sub  mul  bitAnd  bitOr  bitXor  shiftLeft<n>  shiftRight<n> (logical)  eq  gt  select
//   roundToInt(v)    nearest, ties to even; defined for |v| <= 2^22
//   toFloat(i)       the value          asInt(v)  asFloat(i)   the bits
#pragma once

#include <stdint.h>
#include <string.h>

// Naming the scalar build wins over what the compiler could do.
#define OCELLUS_IS_scalar 1
#define OCELLUS_JOIN_RAW(a, b) a##b
#define OCELLUS_JOIN(a, b) OCELLUS_JOIN_RAW(a, b)
#ifndef OCELLUS_ISA
#define OCELLUS_VEC_FORCE_SCALAR 0
#elif OCELLUS_JOIN(OCELLUS_IS_, OCELLUS_ISA)
#define OCELLUS_VEC_FORCE_SCALAR 1
#else
#define OCELLUS_VEC_FORCE_SCALAR 0
#endif

#if OCELLUS_VEC_FORCE_SCALAR
#include "vec_scalar.h"
#elif defined(__AVX512F__) && defined(__AVX512DQ__)
#include "vec_avx512.h"
#elif defined(__AVX2__) && defined(__FMA__)
#include "vec_avx2.h"
#elif defined(__ARM_NEON) && defined(__aarch64__)
#define OCELLUS_VEC_IS_NEON 1
#include "vec_neon.h"
#else
#include "vec_scalar.h"
#endif

#ifndef OCELLUS_VEC_IS_NEON
#define OCELLUS_VEC_IS_NEON 0
#endif
