import CoreBluetooth
import Foundation
import Wristcast

/// The app's own Bluetooth for the relay's bands, with state restoration: iOS may end the app in the
/// background and start it again for an event of a band.
///
/// One write is under way per band: the relay gives the next, which is the newest look, when this
/// one is reported. Make it at launch, in the foreground or not, or there is nothing to restore to.
final class BandCentral: NSObject, BandRadio, @unchecked Sendable {
    // Touched on `queue` alone, which is why this may be called Sendable. Core Bluetooth calls
    // its delegate there, too.
    private let queue = DispatchQueue(label: "wristcast.example.bands")
    private var central: CBCentralManager?
    private var link: BandLink?
    private var bands: [UInt32: Band] = [:]
    private var restored: [CBPeripheral] = []

    private struct Band {
        let spec: BandSpec
        var peripheral: CBPeripheral?
        var characteristic: CBCharacteristic?
        /// Whether the greeting is over.
        var isUp = false
        var write: BandWrite?
        /// The frame of `write` that is next.
        var next = 0
    }

    override init() {
        super.init()
        central = CBCentralManager(
            delegate: self, queue: queue,
            options: [CBCentralManagerOptionRestoreIdentifierKey: "wristcast.bands"])
    }

    func start(bands specs: [BandSpec], link: BandLink) {
        queue.async {
            self.link = link
            self.bands = Dictionary(uniqueKeysWithValues: specs.map { ($0.band, Band(spec: $0)) })
            self.begin()
        }
    }

    func write(write: BandWrite) {
        queue.async {
            guard self.bands[write.band]?.isUp == true else {
                _ = self.link?.failed(band: write.band, token: write.token)
                return
            }
            self.bands[write.band]?.write = write
            self.bands[write.band]?.next = 0
            self.step(write.band)
        }
    }

    func reconnect(band: UInt32) {
        queue.async {
            guard let peripheral = self.bands[band]?.peripheral else { return }
            self.central?.cancelPeripheralConnection(peripheral)
        }
    }

    func stop() {
        queue.async {
            self.link = nil
            self.central?.stopScan()
            let peripherals = self.bands.values.compactMap(\.peripheral)
            self.bands = [:]
            peripherals.forEach { self.central?.cancelPeripheralConnection($0) }
        }
    }

    /// Connects what is known and looks for the rest.
    private func begin() {
        guard let central, central.state == .poweredOn, let link else { return }
        _ = link.ready()
        for (number, band) in bands where band.peripheral == nil {
            let identifier = UUID(uuidString: band.spec.id)
            let known = restored.first { matches($0, $0.name, band.spec) }
                ?? identifier.flatMap { central.retrievePeripherals(withIdentifiers: [$0]).first }
            if let known { take(known, for: number) }
        }
        scan()
    }

    private func scan() {
        let missing = bands.values.filter { $0.peripheral == nil }.map(\.spec)
        guard let central, !missing.isEmpty else {
            central?.stopScan()
            return
        }
        // In the background iOS finds nothing without services to look for.
        let services = missing.compactMap { $0.advertisesService ? $0.service.map(CBUUID.init) : nil }
        central.scanForPeripherals(withServices: services.count == missing.count ? services : nil)
    }

    private func take(_ peripheral: CBPeripheral, for band: UInt32) {
        // Core Bluetooth does not keep it.
        bands[band]?.peripheral = peripheral
        peripheral.delegate = self
        if peripheral.state == .connected {
            discover(peripheral, band)
        } else {
            // Waits for as long as it takes, also while the app is suspended.
            central?.connect(peripheral)
        }
    }

    private func discover(_ peripheral: CBPeripheral, _ band: UInt32) {
        peripheral.discoverServices(bands[band]?.spec.service.map { [CBUUID(string: $0)] })
    }

    /// The greeting, frame by frame; then the band is up.
    private func greet(_ number: UInt32, from index: Int) {
        guard let band = bands[number], let peripheral = band.peripheral,
            let characteristic = band.characteristic
        else { return }
        guard index < band.spec.connectWrites.count else {
            bands[number]?.isUp = true
            _ = link?.up(band: number)
            return
        }
        let greeting = band.spec.connectWrites[index]
        let type: CBCharacteristicWriteType =
            characteristic.properties.contains(.writeWithoutResponse) ? .withoutResponse : .withResponse
        peripheral.writeValue(greeting.bytes, for: characteristic, type: type)
        queue.asyncAfter(deadline: .now() + .milliseconds(Int(greeting.waitMs))) {
            self.greet(number, from: index + 1)
        }
    }

    /// Writes the next frame of what is under way to a band, or reports that it is out.
    private func step(_ number: UInt32) {
        guard let band = bands[number], let write = band.write, let peripheral = band.peripheral,
            let characteristic = band.characteristic
        else { return }
        let type: CBCharacteristicWriteType = write.withResponse ? .withResponse : .withoutResponse
        // Full: peripheralIsReady goes on from here. Else looks would grow old in the system.
        if !write.withResponse && !peripheral.canSendWriteWithoutResponse { return }
        guard band.next < write.frames.count else {
            bands[number]?.write = nil
            _ = link?.written(band: number, token: write.token)
            return
        }
        let frame = write.frames[band.next]
        guard frame.count <= peripheral.maximumWriteValueLength(for: type) else {
            bands[number]?.write = nil
            _ = link?.down(band: number, reason: "takes no frames of \(frame.count) bytes")
            return
        }
        bands[number]?.next += 1
        peripheral.writeValue(frame, for: characteristic, type: type)
        if !write.withResponse {
            let wait = band.next + 1 < write.frames.count ? Int(write.intervalMs) : 0
            queue.asyncAfter(deadline: .now() + .milliseconds(wait)) { self.step(number) }
        }
    }

    private func number(of peripheral: CBPeripheral) -> UInt32? {
        bands.first { $0.value.peripheral?.identifier == peripheral.identifier }?.key
    }

    private func matches(_ peripheral: CBPeripheral, _ name: String?, _ spec: BandSpec) -> Bool {
        peripheral.identifier.uuidString.caseInsensitiveCompare(spec.id) == .orderedSame
            || name == spec.id
    }

    private func lost(_ peripheral: CBPeripheral, _ reason: String) {
        guard let number = number(of: peripheral) else { return }
        bands[number]?.characteristic = nil
        bands[number]?.isUp = false
        bands[number]?.write = nil
        _ = link?.down(band: number, reason: reason)
        central?.connect(peripheral)
    }
}

extension BandCentral: CBCentralManagerDelegate {
    /// Comes before the first state, when iOS started the app for its bands.
    func centralManager(_ central: CBCentralManager, willRestoreState state: [String: Any]) {
        restored = state[CBCentralManagerRestoredStatePeripheralsKey] as? [CBPeripheral] ?? []
        restored.forEach { $0.delegate = self }
    }

    func centralManagerDidUpdateState(_ central: CBCentralManager) {
        switch central.state {
        case .poweredOn: begin()
        case .poweredOff: fault("Bluetooth is off; switch it on in Control Center")
        case .unauthorized: fault("Bluetooth is not allowed; allow it in Settings")
        case .unsupported: fault("this device has no Bluetooth for bands")
        default: break
        }
    }

    /// Every connection is gone with it.
    private func fault(_ reason: String) {
        for (number, band) in bands where band.peripheral != nil {
            bands[number] = Band(spec: band.spec)
            _ = link?.down(band: number, reason: reason)
        }
        _ = link?.fault(reason: reason)
    }

    func centralManager(
        _ central: CBCentralManager, didDiscover peripheral: CBPeripheral,
        advertisementData: [String: Any], rssi: NSNumber
    ) {
        // The name may be in the scan response only, or be remembered from an earlier connection.
        let name = advertisementData[CBAdvertisementDataLocalNameKey] as? String ?? peripheral.name
        let found = bands.first { $0.value.peripheral == nil && matches(peripheral, name, $0.value.spec) }
        guard let found else { return }
        take(peripheral, for: found.key)
        scan()
    }

    func centralManager(_ central: CBCentralManager, didConnect peripheral: CBPeripheral) {
        if let number = number(of: peripheral) { discover(peripheral, number) }
    }

    func centralManager(
        _ central: CBCentralManager, didFailToConnect peripheral: CBPeripheral, error: (any Error)?
    ) {
        lost(peripheral, error?.localizedDescription ?? "could not be connected")
    }

    func centralManager(
        _ central: CBCentralManager, didDisconnectPeripheral peripheral: CBPeripheral,
        error: (any Error)?
    ) {
        lost(peripheral, error?.localizedDescription ?? "the connection was closed")
    }
}

extension BandCentral: CBPeripheralDelegate {
    func peripheral(_ peripheral: CBPeripheral, didDiscoverServices error: (any Error)?) {
        guard let number = number(of: peripheral), let spec = bands[number]?.spec else { return }
        for service in peripheral.services ?? [] {
            peripheral.discoverCharacteristics([CBUUID(string: spec.characteristic)], for: service)
        }
    }

    func peripheral(
        _ peripheral: CBPeripheral, didDiscoverCharacteristicsFor service: CBService,
        error: (any Error)?
    ) {
        guard let number = number(of: peripheral), let band = bands[number],
            band.characteristic == nil,
            let found = service.characteristics?.first(where: {
                $0.uuid == CBUUID(string: band.spec.characteristic)
            })
        else { return }
        bands[number]?.characteristic = found
        greet(number, from: 0)
    }

    func peripheral(
        _ peripheral: CBPeripheral, didWriteValueFor characteristic: CBCharacteristic,
        error: (any Error)?
    ) {
        guard let number = number(of: peripheral), let write = bands[number]?.write,
            write.withResponse
        else { return }
        if error == nil {
            step(number)
        } else {
            bands[number]?.write = nil
            _ = link?.failed(band: number, token: write.token)
        }
    }

    func peripheralIsReady(toSendWriteWithoutResponse peripheral: CBPeripheral) {
        if let number = number(of: peripheral), bands[number]?.write?.withResponse == false {
            step(number)
        }
    }
}
