#include "selmcast/plan/bits.h"

namespace selmcast::plan {
namespace {

// In place, by exchanging ever smaller squares (H. S. Warren, "Hacker's Delight", section 7-3).
void transpose_block(Word (&block)[kWordBits]) {
  Word low_half = 0x00000000FFFFFFFFULL;
  for (std::size_t width = kWordBits / 2; width != 0; width /= 2, low_half ^= low_half << width) {
    for (std::size_t k = 0; k < kWordBits; k = (k + width + 1) & ~width) {
      const Word exchanged = ((block[k] >> width) ^ block[k + width]) & low_half;
      block[k] ^= exchanged << width;
      block[k + width] ^= exchanged;
    }
  }
}

}  // namespace

void transpose(const BitMatrix& matrix, std::size_t size, BitMatrix& result) {
  Word block[kWordBits];
  for (std::size_t row = 0; row < size; row += kWordBits) {
    const std::size_t rows = std::min(kWordBits, size - row);
    for (std::size_t column = 0; column < size; column += kWordBits) {
      const std::size_t columns = std::min(kWordBits, size - column);
      for (std::size_t k = 0; k < kWordBits; ++k)
        block[k] = k < rows ? matrix.row(row + k)[column / kWordBits] : 0;
      transpose_block(block);
      for (std::size_t k = 0; k < columns; ++k) result.row(column + k)[row / kWordBits] = block[k];
    }
  }
}

}  // namespace selmcast::plan
