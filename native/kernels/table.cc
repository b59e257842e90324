// Every kernel family of one instruction set, in one table.
#include "../gemm/gemm.h"

namespace ocellus {
namespace OCELLUS_ISA {

extern const KernelFamily activationFamily;
extern const KernelFamily adaptiveFamily;
extern const KernelFamily conv3dFamily;
extern const KernelFamily convFamily;
extern const KernelFamily dropoutFamily;
extern const KernelFamily elementwiseFamily;
extern const KernelFamily embeddingFamily;
extern const KernelFamily foldingFamily;
extern const KernelFamily groupNormFamily;
extern const KernelFamily layerwiseFamily;
extern const KernelFamily localResponseFamily;
extern const KernelFamily lossFamily;
extern const KernelFamily matmulFamily;
extern const KernelFamily normalizationFamily;
extern const KernelFamily optimizerFamily;
extern const KernelFamily paddingFamily;
extern const KernelFamily pointwiseFamily;
extern const KernelFamily pooling3dFamily;
extern const KernelFamily poolingFamily;
extern const KernelFamily powerFamily;
extern const KernelFamily reduceFamily;
extern const KernelFamily resizeFamily;
extern const KernelFamily shapeFamily;
extern const KernelFamily unpoolingFamily;
extern const KernelFamily warpFamily;
extern const KernelFamily winogradFamily;
extern const KernelFamily winogradGradientFamily;

namespace {

const KernelFamily* const kFamilies[] = {
    &activationFamily, &adaptiveFamily,      &conv3dFamily,
    &convFamily,       &dropoutFamily,       &elementwiseFamily,
    &embeddingFamily,  &foldingFamily,       &groupNormFamily,
    &layerwiseFamily,  &localResponseFamily, &lossFamily,
    &matmulFamily,     &normalizationFamily, &optimizerFamily,
    &paddingFamily,    &pointwiseFamily,     &pooling3dFamily,
    &poolingFamily,    &powerFamily,         &reduceFamily,
    &resizeFamily,     &shapeFamily,         &unpoolingFamily,
    &warpFamily,       &winogradFamily,      &winogradGradientFamily,
};

}  // namespace

#define OCELLUS_TEXT_RAW(x) #x
#define OCELLUS_TEXT(x) OCELLUS_TEXT_RAW(x)

extern const KernelTable kernelTable;
const KernelTable kernelTable = {OCELLUS_TEXT(OCELLUS_ISA), &diagnostics, kFamilies,
                                 sizeof kFamilies / sizeof kFamilies[0]};

}  // namespace OCELLUS_ISA
}  // namespace ocellus
