import Flows
import Foundation

/// A variational auto-encoder of galaxy images whose prior is a flow: the encoder gives q(z|x), the
/// decoder p(x|z), a masked autoregressive flow p(z), and the loss is -ELBO,
/// the mean of log q(z|x) - log p(x|z) - log p(z) over z drawn from q(z|x).
func vae(_ lesson: Lesson) throws {
  var model = try Parameterized(seed: 1) {
    try VariationalAutoencoder(pixels: side * side, latent: 8, in: $0)
  }
  let parts = model.base
  let trainer = try model.trainer([.rows("x", side * side), .seed()]) { inputs in
    -parts.elbo(inputs[0], seed: inputs[1]).mean()
  }
  var generator = SeededGenerator(seed: 2)
  try lesson.train(trainer, steps: 4000, rows: 128, learningRate: 1e-3) {
    ["x": (0..<128).flatMap { _ in galaxy(&generator) }]
  }
  model.update(from: trainer)
  try model.save(to: lesson.folder + "/vae.safetensors")

  // Images, what the decoder makes of their codes, and images of codes that the prior draws.
  let shown = 32
  let images = (0..<shown).flatMap { _ in galaxy(&generator) }
  let look = try model.compile(.rows("x", side * side), .seed()) { x, seed in
    let code = parts.encoder(x).sample(seed: seed)
    let drawn = parts.prior(nil).sample(seed: seed)
    return (parts.mean(of: code), parts.mean(of: drawn))
  }
  let (again, new) = try look(Rows(images, columns: side * side), 5 + 6 << 32)
  try lesson.write("vae-images", images, columns: side * side)
  try lesson.write("vae-again", again, columns: side * side)
  try lesson.write("vae-new", new, columns: side * side)
}

/// The side of an image in pixels.
private let side = 16

/// The three parts; each is a module of its own scope.
private struct VariationalAutoencoder {
  private let encoding: MLP
  private let decoding: MLP
  let prior: Flow
  private let latent: Int

  init(pixels: Int, latent: Int, in scope: ModuleScope) throws {
    encoding = MLP(
      pixels, 2 * latent, hiddenFeatures: [256, 256], in: scope.child("encoder"))
    decoding = MLP(latent, pixels, hiddenFeatures: [256, 256], in: scope.child("decoder"))
    let flow = try MAF(features: latent, transforms: 3, hiddenFeatures: [64, 64])
    prior = try Flow(flow, in: scope.child("prior"))
    self.latent = latent
  }

  /// q(z|x): normal, with means and log-deviations from the encoder.
  func encoder(_ x: Tensor) -> DiagNormal {
    let phi = encoding(x)
    return DiagNormal(loc: phi.slice(0, latent), scale: exp(phi.slice(latent, 2 * latent)))
  }

  /// The mean of p(x|z), which is normal with a deviation of 0.05: the brightness of each pixel.
  func mean(of z: Tensor) -> Tensor { sigmoid(decoding(z)) }

  /// The evidence's lower bound for each row, from one code each.
  func elbo(_ x: Tensor, seed: Tensor) -> Tensor {
    let (z, logProb) = encoder(x).sampleAndLogProb(seed: seed)
    let noise = x.trace.constant(0.05, shape: x.shape)
    let likelihood = DiagNormal(loc: mean(of: z), scale: noise).logProb(x)
    return likelihood + prior(nil).logProb(z) - logProb
  }
}

/// An image of a galaxy: an exponential disc seen from some side, with a round bulge.
private func galaxy(_ generator: inout SeededGenerator) -> [Float] {
  let angle = Double.pi * generator.uniform()
  let size = 2 + 2.5 * generator.uniform()
  let ratio = 0.25 + 0.75 * generator.uniform()
  let bulge = 0.8 * generator.uniform()
  let (cx, cy) = (0.5 * generator.normal(), 0.5 * generator.normal())
  return (0..<side * side).map { index in
    let x = Double(index % side) - 7.5 - cx
    let y = Double(index / side) - 7.5 - cy
    let (u, v) = (x * cos(angle) + y * sin(angle), y * cos(angle) - x * sin(angle))
    let disc = 0.9 * exp(-(u * u + v * v / (ratio * ratio)).squareRoot() / size)
    let core = bulge * exp(-(x * x + y * y) / 3)
    return Float(min(disc + core, 1))
  }
}
