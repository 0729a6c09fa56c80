import XCTest

@testable import Wristcast

private struct Answers: LocalNetworkProbe, EntitlementReader, BluetoothAuthority {
    let verdicts: Locked<[Probe]>
    var entitlement = EntitlementState.present
    var bluetooth = BluetoothState.allowed

    init(_ verdicts: [ProbeVerdict], errno: Int32? = nil) {
        self.verdicts = Locked(verdicts.map { Probe(verdict: $0, errno: errno, detail: "") })
    }

    func probe(address: String, waitMs: UInt32) -> Probe { verdicts.with { $0.removeFirst() } }
    func multicast() -> EntitlementState { entitlement }
    func state() -> BluetoothState { bluetooth }

    func permissions() -> Permissions {
        Permissions(network: self, entitlements: self, bluetooth: self)
    }
}

final class PermissionsTests: XCTestCase {
    func testOneProbeThatIsHeardIsEnough() {
        let permissions = Answers([.silent, .heard]).permissions()
        let report = permissions.check(address: "10.0.0.5")
        XCTAssertEqual(report.localNetwork, .allowed)
        XCTAssertEqual(report.advice, [])
        XCTAssertEqual(permissions.report, report)
    }

    func testARefusalIsADenialAndIsMendedInSettings() {
        let report = Answers([.refused], errno: 65).permissions().check(address: "10.0.0.5")
        XCTAssertEqual(report.localNetwork, .denied(errno: 65))
        XCTAssertEqual(report.advice.map(\.opensSettings), [true])
    }

    func testThreeProbesWithoutAnAnswerAreASilentBlock() {
        let answers = Answers([.silent, .silent, .silent])
        let report = answers.permissions().check(address: "10.0.0.5")
        XCTAssertEqual(report.localNetwork, .silentlyBlocked)
        XCTAssertTrue(report.advice[0].text.contains("without an error"))
    }

    func testWithoutTheEntitlementTheAdviceIsUnicast() {
        var answers = Answers([.refused], errno: 65)
        answers.entitlement = .absent
        let advice = answers.permissions().check(address: "10.0.0.5").advice
        XCTAssertEqual(advice.map(\.title), ["No multicast in this build"])
        XCTAssertTrue(advice[0].text.contains("unicast"))
    }

    func testWithoutANetworkNothingIsKnownAndNothingIsSaid() {
        let report = Answers([.noNetwork]).permissions().check(address: "10.0.0.5")
        XCTAssertEqual(report.localNetwork, .unknown)
        XCTAssertEqual(report.advice, [])
        let without = Answers([]).permissions().check(address: nil)
        XCTAssertEqual(without.localNetwork, .unknown)
    }

    func testEveryStateOfBluetoothThatStopsTheShowHasAnAdvice() {
        for state in [BluetoothState.denied, .restricted, .poweredOff, .unsupported] {
            var answers = Answers([.heard])
            answers.bluetooth = state
            let advice = answers.permissions().check(address: "10.0.0.5").advice
            XCTAssertEqual(advice.count, 1, "\(state)")
        }
    }

    func testTheRelaysOwnProbeHearsItselfOnLoopback() {
        XCTAssertEqual(RelayProbe().probe(address: "127.0.0.1", waitMs: 5_000).verdict, .heard)
    }
}
