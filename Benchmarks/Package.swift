// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "flowir-benchmarks",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "flowir", path: "..")],
  targets: [
    .target(
      name: "Peak", cSettings: [.unsafeFlags(["-O3", "-march=native", "-ffp-contract=fast"])]),
    .executableTarget(
      name: "Bench",
      dependencies: [
        "Peak",
        .product(name: "Flows", package: "flowir"), .product(name: "FlowIR", package: "flowir"),
        .product(name: "FlowFiles", package: "flowir"),
      ]),
  ]
)
