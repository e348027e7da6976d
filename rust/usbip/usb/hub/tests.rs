// SPDX-License-Identifier: GPL-2.0

//! Tests of a root hub's ports.

use kernel::prelude::*;

#[kunit_tests(usbip_usb_hub)]
mod suite {
    use super::super::*;

    const PORTS: usize = 15;

    fn ask(hub: &mut HubState, type_req: u16, value: u32, index: u16) -> Result<u32> {
        let mut reply = [0; 4];
        let request = HubRequest {
            type_req,
            value: value as u16,
            index,
            length: 4,
            accessible: true,
        };
        hub.control(request, &mut reply)?;
        Ok(u32::from_le_bytes(reply))
    }

    /// A hub whose port 1 has power.
    fn powered(kind: HubKind) -> Result<HubState> {
        let mut hub = HubState::new(kind, PORTS)?;
        let power = feat::USB_PORT_FEAT_POWER;
        ask(&mut hub, request::SET_PORT_FEATURE, power, 1)?;
        Ok(hub)
    }

    #[test]
    fn a_device_comes_and_goes() -> Result {
        let mut hub = powered(HubKind::Usb2)?;
        assert_eq!(hub.connections(), 0);
        hub.connect(0, Speed::High);
        assert_eq!(hub.connections(), 1);
        let status = ask(&mut hub, request::GET_PORT_STATUS, 0, 1)?;
        let present = feat::USB_PORT_STAT_CONNECTION | feat::USB_PORT_STAT_HIGH_SPEED;
        assert_eq!(status & (present | C_CONNECTION), present | C_CONNECTION);
        hub.disconnect(0);
        assert_eq!(hub.connections(), 0);
        let status = ask(&mut hub, request::GET_PORT_STATUS, 0, 1)?;
        assert_eq!(status & (present | SPEED_BITS), 0);
        assert!(status & C_CONNECTION != 0);
        Ok(())
    }

    #[test]
    fn changes_are_reported_until_cleared() -> Result {
        let mut hub = powered(HubKind::Usb3)?;
        let mut map = [0xff; 4];
        assert_eq!(hub.changes(&mut map), 0);
        hub.connect(PORTS - 1, Speed::Super);
        assert!(hub.has_change(15) && !hub.has_change(14));
        assert_eq!(hub.changes(&mut map), 2);
        assert_eq!(map[..2], [0, 0x80]);
        let change = feat::USB_PORT_FEAT_C_CONNECTION;
        ask(&mut hub, request::CLEAR_PORT_FEATURE, change, 15)?;
        assert_eq!(hub.changes(&mut map), 0);
        // There may be less room than there are ports.
        hub.connect(0, Speed::Super);
        assert_eq!(hub.changes(&mut map[..1]), 0);
        Ok(())
    }

    #[test]
    fn ports_that_do_not_exist_stall() -> Result {
        for kind in [HubKind::Usb2, HubKind::Usb3] {
            let mut hub = powered(kind)?;
            for index in [0, PORTS as u16 + 1, 0xff] {
                for type_req in [request::GET_PORT_STATUS, request::CLEAR_PORT_FEATURE] {
                    assert_eq!(ask(&mut hub, type_req, 0, index), Err(EPIPE));
                }
                let reset = feat::USB_PORT_FEAT_RESET;
                let result = ask(&mut hub, request::SET_PORT_FEATURE, reset, index);
                assert_eq!(result, Err(EPIPE));
                assert!(!hub.has_change(index));
            }
            hub.connect(PORTS, Speed::High);
            hub.disconnect(PORTS);
            assert_eq!(hub.connections(), 0);
        }
        Ok(())
    }

    #[test]
    fn features_that_do_not_exist_stall() -> Result {
        for kind in [HubKind::Usb2, HubKind::Usb3] {
            let mut hub = powered(kind)?;
            for feature in [32, 0xff, 0xffff] {
                for type_req in [request::SET_PORT_FEATURE, request::CLEAR_PORT_FEATURE] {
                    assert_eq!(ask(&mut hub, type_req, feature, 1), Err(EPIPE));
                }
            }
        }
        Ok(())
    }

    #[test]
    fn a_reset_ends_with_an_enabled_port() -> Result {
        let mut hub = powered(HubKind::Usb2)?;
        hub.connect(0, Speed::Full);
        let begin = Instant::<Monotonic>::now();
        ask(
            &mut hub,
            request::SET_PORT_FEATURE,
            feat::USB_PORT_FEAT_RESET,
            1,
        )?;
        let status = ask(&mut hub, request::GET_PORT_STATUS, 0, 1)?;
        assert!(status & feat::USB_PORT_STAT_RESET != 0);
        while ask(&mut hub, request::GET_PORT_STATUS, 0, 1)? & C_RESET == 0 {
            assert!(begin.elapsed() < Delta::from_secs(5));
        }
        assert!(begin.elapsed() >= RESET_TIME);
        let status = ask(&mut hub, request::GET_PORT_STATUS, 0, 1)?;
        assert!(status & feat::USB_PORT_STAT_ENABLE != 0);
        assert_eq!(status & feat::USB_PORT_STAT_RESET, 0);
        Ok(())
    }

    #[test]
    fn only_resets_of_ports_reset_ports() {
        let request = |type_req, value: u32, index| HubRequest {
            type_req,
            value: value as u16,
            index,
            length: 0,
            accessible: true,
        };
        let set = request::SET_PORT_FEATURE;
        let reset = feat::USB_PORT_FEAT_RESET;
        assert_eq!(HubState::reset_port(request(set, reset, 3)), Some(2));
        assert_eq!(HubState::reset_port(request(set, reset, 0)), None);
        let power = feat::USB_PORT_FEAT_POWER;
        assert_eq!(HubState::reset_port(request(set, power, 3)), None);
        let clear = request::CLEAR_PORT_FEATURE;
        assert_eq!(HubState::reset_port(request(clear, reset, 3)), None);
    }
}
