//! The example swap: schedule, collateral, settlement, and its way out.

use alloy::{
    contract::RawCallBuilder,
    primitives::{Address, Bytes, U256},
    providers::DynProvider,
    sol_types::{SolCall, SolConstructor, SolError},
};
use cryptlet_contracts::{
    CollateralToken, CollateralToken::CollateralTokenInstance, CryptoDelegate, InterestRateSwap,
    InterestRateSwap::InterestRateSwapInstance,
};

use crate::fixture::*;

const NOTIONAL: u64 = 10_000_000;
const FIXED_BPS: u32 = 450;
const COLLATERAL: u64 = 1_000_000;
/// What each party owns before it deposits.
const WEALTH: u64 = 5_000_000;

/// First days of the quarters from 2006 to the beginning of 2009.
const QUARTERS: [u64; 13] = [
    1_136_073_600,
    1_143_849_600,
    1_151_712_000,
    1_159_660_800,
    1_167_609_600,
    1_175_385_600,
    1_183_248_000,
    1_191_196_800,
    1_199_145_600,
    1_207_008_000,
    1_214_870_400,
    1_222_819_200,
    1_230_768_000,
];

/// A swap of two accounts of the node, with collateral, whose cryptlet is the fixture's host.
struct Swap {
    fixture: Fixture,
    token: CollateralTokenInstance<DynProvider>,
    contract: InterestRateSwapInstance<DynProvider>,
    fixed_payer: Address,
    floating_payer: Address,
}

impl Swap {
    async fn start() -> Self {
        Self::over(&QUARTERS).await
    }

    async fn over(schedule: &[u64]) -> Self {
        let fixture = Fixture::start().await;
        let provider = fixture.chain.provider.clone();
        let (fixed_payer, floating_payer) = (fixture.chain.accounts[1], fixture.chain.accounts[2]);
        let allocation = |holder| CollateralToken::Allocation {
            holder,
            amount: U256::from(WEALTH),
        };
        let token = CollateralToken::deploy(
            provider.clone(),
            "Collateral".into(),
            "COLL".into(),
            2,
            vec![allocation(fixed_payer), allocation(floating_payer)],
        )
        .await
        .expect("the token is deployed");
        let contract = InterestRateSwap::deploy(
            provider,
            *fixture.gateway.address(),
            fixture.binding,
            *token.address(),
            fixed_payer,
            floating_payer,
            U256::from(NOTIONAL),
            FIXED_BPS,
            schedule.to_vec(),
        )
        .await
        .expect("the swap is deployed");
        // The fixture's binding names the probe; its counterparties change that.
        let change = cryptlet_contracts::ChangeTerms {
            binding: fixture.binding,
            consumer: *contract.address(),
            signerThreshold: 1,
            ordered: true,
            versionDelay: 0,
            nonce: 1,
        };
        send(fixture.gateway.changeTerms(
            change.binding,
            change.consumer,
            change.signerThreshold,
            change.ordered,
            change.versionDelay,
            change.nonce,
            fixture.approvals(&change),
        ))
        .await;
        let swap = Self {
            fixture,
            token,
            contract,
            fixed_payer,
            floating_payer,
        };
        for party in [fixed_payer, floating_payer] {
            swap.approve(party, WEALTH).await;
            send(swap.deposit(party, COLLATERAL)).await;
        }
        swap
    }

    async fn approve(&self, party: Address, amount: u64) {
        let approval = self
            .token
            .approve(*self.contract.address(), U256::from(amount));
        send(approval.from(party)).await;
    }

    fn deposit(&self, party: Address, amount: u64) -> Call<'_, InterestRateSwap::depositCall> {
        self.contract.deposit(U256::from(amount)).from(party)
    }

    fn withdraw(&self, party: Address, amount: u64) -> Call<'_, InterestRateSwap::withdrawCall> {
        self.contract.withdraw(U256::from(amount)).from(party)
    }

    /// Moves the clock to the end of a period and ends it.
    async fn end_period(&self, period: u32) -> InterestRateSwap::PeriodEnded {
        self.fixture.chain.set_time(QUARTERS[period as usize]).await;
        event(&send(self.contract.endPeriod()).await)
    }

    /// Delivers `settle(period, payer, amount)` as number `delivery`.
    async fn settle(
        &self,
        delivery: u64,
        period: u32,
        payer: Address,
        amount: u64,
    ) -> (
        CryptoDelegate::Delivered,
        Vec<InterestRateSwap::Settled>,
        cryptlet_contracts::Result,
        Bytes,
    ) {
        let call = Bytes::from(
            InterestRateSwap::settleCall {
                period,
                payer,
                amount: U256::from(amount),
            }
            .abi_encode(),
        );
        let mut result = self.fixture.result(delivery, &call);
        result.validUntil = QUARTERS[12] + 30 * DAY;
        let receipt = send(self.fixture.deliver(&result, &call)).await;
        (event(&receipt), events(&receipt), result, call)
    }

    /// As [`settle`](Self::settle), and the contract must refuse it for this reason.
    async fn refused_settlement<E: SolError>(
        &self,
        delivery: u64,
        period: u32,
        payer: Address,
        amount: u64,
    ) -> E {
        let (delivered, settled, _, _) = self.settle(delivery, period, payer, amount).await;
        assert!(
            !delivered.callbackOk,
            "must be refused with {}",
            E::SIGNATURE
        );
        assert!(settled.is_empty());
        E::abi_decode(&delivered.callbackError).unwrap_or_else(|_| {
            panic!(
                "must be refused with {}, not {}",
                E::SIGNATURE,
                delivered.callbackError
            )
        })
    }

    async fn collateral(&self) -> (U256, U256) {
        let of = |party| async move { self.contract.collateralOf(party).call().await.unwrap() };
        (of(self.fixed_payer).await, of(self.floating_payer).await)
    }

    async fn balance(&self, account: Address) -> U256 {
        self.token.balanceOf(account).call().await.unwrap()
    }
}

fn pair(first: u64, second: u64) -> (U256, U256) {
    (U256::from(first), U256::from(second))
}

#[tokio::test]
async fn nets_twelve_quarters_and_pays_out() {
    let swap = Swap::start().await;
    // Days of the quarters of 2006, 2007 and 2008, the last of which is a leap year.
    let days = [90, 91, 92, 92, 90, 91, 92, 92, 91, 91, 92, 92];
    // Rates in parts per million, around the fixed 4.50 %, so that both parties pay in turn.
    let rates = [
        43_900, 47_000, 49_100, 49_000, 49_800, 47_400, 43_000, 33_900, 20_400, 16_300, 14_900,
        3_000,
    ];
    let fixed_ppm = u64::from(FIXED_BPS) * 100;
    let (mut fixed, mut floating) = (COLLATERAL, COLLATERAL);

    for (index, (day_count, rate)) in days.into_iter().zip(rates).enumerate() {
        let period = index as u32 + 1;
        let ended = swap.end_period(period).await;
        assert_eq!(
            ended,
            InterestRateSwap::PeriodEnded {
                period,
                quarter: format!("{}-Q{}", 2006 + index / 4, index % 4 + 1),
                notional: U256::from(NOTIONAL),
                fixedBps: FIXED_BPS,
                dayCount: day_count,
                fixedPayer: swap.fixed_payer,
                floatingPayer: swap.floating_payer,
            }
        );

        let amount = NOTIONAL * u64::from(day_count) * fixed_ppm.abs_diff(rate) / 360_000_000;
        let (payer, payee) = if fixed_ppm >= rate {
            (fixed, floating) = (fixed - amount, floating + amount);
            (swap.fixed_payer, swap.floating_payer)
        } else {
            (fixed, floating) = (fixed + amount, floating - amount);
            (swap.floating_payer, swap.fixed_payer)
        };
        let (delivered, settled, result, _) =
            swap.settle(u64::from(period), period, payer, amount).await;
        assert!(delivered.callbackOk, "{:?}", delivered.callbackError);
        assert_eq!(
            settled,
            [InterestRateSwap::Settled {
                period,
                payer,
                payee,
                amount: U256::from(amount),
                measurement: result.measurement,
                receiptHash: result.receiptHash,
            }]
        );
        assert_eq!(swap.collateral().await, pair(fixed, floating));
    }

    refusal::<InterestRateSwap::AllPeriodsEnded>(swap.contract.endPeriod()).await;
    assert!(swap.contract.isOver().call().await.unwrap());
    send(swap.withdraw(swap.fixed_payer, fixed)).await;
    send(swap.withdraw(swap.floating_payer, floating)).await;
    let owned = (
        swap.balance(swap.fixed_payer).await,
        swap.balance(swap.floating_payer).await,
    );
    let before = WEALTH - COLLATERAL;
    assert_eq!(owned, pair(before + fixed, before + floating));
    assert_eq!(swap.balance(*swap.contract.address()).await, U256::ZERO);
}

#[tokio::test]
async fn a_period_ends_when_its_last_day_is_over() {
    let swap = Swap::start().await;
    swap.fixture.chain.set_time(QUARTERS[1] - 1).await;

    let early: InterestRateSwap::PeriodNotOver = refusal(swap.contract.endPeriod()).await;

    assert_eq!((early.period, early.end), (1, QUARTERS[1]));
    swap.fixture.chain.set_time(QUARTERS[2]).await;
    for period in [1, 2] {
        let ended: InterestRateSwap::PeriodEnded = event(&send(swap.contract.endPeriod()).await);
        assert_eq!(ended.period, period);
    }
    let early: InterestRateSwap::PeriodNotOver = refusal(swap.contract.endPeriod()).await;
    assert_eq!(early.period, 3);
}

#[tokio::test]
async fn only_the_cryptlet_settles() {
    let swap = Swap::start().await;
    swap.end_period(1).await;
    let call = swap
        .contract
        .settle(1, swap.floating_payer, U256::from(1))
        .from(swap.fixed_payer);

    let refused: InterestRateSwap::NotTheGateway = refusal(call).await;

    assert_eq!(refused.caller, swap.fixed_payer);
}

#[tokio::test]
async fn periods_are_settled_in_order_once_and_after_their_end() {
    let swap = Swap::start().await;
    let payer = swap.fixed_payer;

    let early: InterestRateSwap::PeriodNotEnded = swap.refused_settlement(1, 1, payer, 1).await;
    assert_eq!(early.period, 1);
    swap.end_period(1).await;
    swap.end_period(2).await;
    let ahead: InterestRateSwap::PeriodOutOfOrder = swap.refused_settlement(2, 2, payer, 1).await;
    assert_eq!((ahead.expected, ahead.given), (1, 2));
    assert!(swap.settle(3, 1, payer, 1).await.0.callbackOk);
    let again: InterestRateSwap::PeriodOutOfOrder = swap.refused_settlement(4, 1, payer, 1).await;
    assert_eq!((again.expected, again.given), (2, 1));
    let zero: InterestRateSwap::PeriodOutOfOrder = swap.refused_settlement(5, 0, payer, 1).await;
    assert_eq!((zero.expected, zero.given), (2, 0));
    assert!(swap.settle(6, 2, swap.floating_payer, 0).await.0.callbackOk);
    assert_eq!(
        swap.collateral().await,
        pair(COLLATERAL - 1, COLLATERAL + 1)
    );
}

#[tokio::test]
async fn only_a_party_can_owe() {
    let swap = Swap::start().await;
    swap.end_period(1).await;
    let stranger = swap.fixture.chain.accounts[5];

    let refused: InterestRateSwap::NotAParty = swap.refused_settlement(1, 1, stranger, 0).await;

    assert_eq!(refused.account, stranger);
}

#[tokio::test]
async fn a_settlement_beyond_the_collateral_waits_for_a_top_up() {
    let swap = Swap::start().await;
    swap.end_period(1).await;
    let owed = COLLATERAL + 1;
    let (delivered, _, result, call) = swap.settle(1, 1, swap.floating_payer, owed).await;
    let short =
        InterestRateSwap::InsufficientCollateral::abi_decode(&delivered.callbackError).unwrap();
    assert_eq!(
        (short.payer, short.available, short.required),
        (
            swap.floating_payer,
            U256::from(COLLATERAL),
            U256::from(owed)
        )
    );
    assert_eq!(swap.collateral().await, pair(COLLATERAL, COLLATERAL));
    let locked: InterestRateSwap::SwapNotOver =
        refusal(swap.withdraw(swap.floating_payer, 1)).await;
    assert_eq!((locked.settledPeriods, locked.periods), (0, 12));

    send(swap.deposit(swap.floating_payer, 1)).await;
    let receipt = send(swap.fixture.gateway.retry(result, call)).await;

    assert!(event::<CryptoDelegate::Retried>(&receipt).callbackOk);
    assert_eq!(swap.collateral().await, pair(COLLATERAL + owed, 0));
}

#[tokio::test]
async fn collateral_stays_until_the_swap_is_over() {
    let swap = Swap::over(&QUARTERS[..3]).await;
    let withdraw = || swap.withdraw(swap.fixed_payer, 1);
    swap.end_period(1).await;
    assert!(swap.settle(1, 1, swap.fixed_payer, 5).await.0.callbackOk);
    let locked: InterestRateSwap::SwapNotOver = refusal(withdraw()).await;
    assert_eq!((locked.settledPeriods, locked.periods), (1, 2));
    swap.end_period(2).await;
    refusal::<InterestRateSwap::SwapNotOver>(withdraw()).await;
    assert!(swap.settle(2, 2, swap.fixed_payer, 5).await.0.callbackOk);

    send(withdraw()).await;
    let rest = COLLATERAL - 11;
    let too_much: InterestRateSwap::InsufficientCollateral =
        refusal(swap.withdraw(swap.fixed_payer, rest + 1)).await;
    assert_eq!(too_much.available, U256::from(rest));
    let stranger = swap.fixture.chain.accounts[5];
    let refused: InterestRateSwap::NotAParty = refusal(swap.withdraw(stranger, 0)).await;
    assert_eq!(refused.account, stranger);
    refusal::<InterestRateSwap::SwapOver>(swap.deposit(swap.fixed_payer, 1)).await;
}

#[tokio::test]
async fn only_a_party_deposits() {
    let swap = Swap::start().await;
    let stranger = swap.fixture.chain.accounts[5];

    let refused: InterestRateSwap::NotAParty = refusal(swap.deposit(stranger, 1)).await;

    assert_eq!(refused.account, stranger);
}

#[tokio::test]
async fn both_parties_together_end_a_swap_early() {
    let swap = Swap::start().await;
    swap.end_period(1).await;
    assert!(swap.settle(1, 1, swap.fixed_payer, 5).await.0.callbackOk);
    let now = swap.fixture.chain.now().await;
    let offer = |party, until| swap.contract.offerTermination(until).from(party);
    let stranger = swap.fixture.chain.accounts[5];
    refusal::<InterestRateSwap::NotAParty>(offer(stranger, now + DAY)).await;
    refusal::<InterestRateSwap::OfferExpired>(offer(swap.fixed_payer, now)).await;

    // An offer that ran out does not count, and twice the same party is not both.
    send(offer(swap.fixed_payer, now + HOUR)).await;
    swap.fixture.chain.set_time(now + HOUR + 1).await;
    send(offer(swap.floating_payer, now + DAY)).await;
    send(offer(swap.floating_payer, now + DAY)).await;
    assert!(!swap.contract.isOver().call().await.unwrap());
    refusal::<InterestRateSwap::SwapNotOver>(swap.withdraw(swap.fixed_payer, 1)).await;
    let receipt = send(offer(swap.fixed_payer, now + DAY)).await;

    let terminated: InterestRateSwap::Terminated = event(&receipt);
    assert_eq!(terminated.settledPeriods, 1);
    refusal::<InterestRateSwap::SwapOver>(swap.contract.endPeriod()).await;
    let late: InterestRateSwap::SwapOver = swap.refused_settlement(2, 2, swap.fixed_payer, 1).await;
    assert_eq!(late, InterestRateSwap::SwapOver {});
    send(swap.withdraw(swap.fixed_payer, COLLATERAL - 5)).await;
    send(swap.withdraw(swap.floating_payer, COLLATERAL + 5)).await;
    assert_eq!(swap.balance(*swap.contract.address()).await, U256::ZERO);
}

#[tokio::test]
async fn refuses_to_be_deployed_with_terms_that_make_no_sense() {
    let swap = Swap::start().await;
    let chain = &swap.fixture.chain;
    let deploy = |change: &dyn Fn(&mut InterestRateSwap::constructorCall)| {
        let mut terms = InterestRateSwap::constructorCall {
            gateway_: *swap.fixture.gateway.address(),
            bindingId_: swap.fixture.binding,
            token_: *swap.token.address(),
            fixedPayer_: swap.fixed_payer,
            floatingPayer_: swap.floating_payer,
            notional_: U256::from(NOTIONAL),
            fixedBps_: FIXED_BPS,
            schedule_: QUARTERS[..2].to_vec(),
        };
        change(&mut terms);
        let code = [InterestRateSwap::BYTECODE.as_ref(), &terms.abi_encode()].concat();
        RawCallBuilder::new_raw_deploy(chain.provider.clone(), code.into())
    };
    assert!(deploy(&|_| ()).call_raw().await.is_ok());

    refusal::<InterestRateSwap::NoToken>(deploy(&|terms| terms.token_ = chain.accounts[5])).await;
    refusal::<InterestRateSwap::InvalidParties>(deploy(&|terms| {
        terms.fixedPayer_ = terms.floatingPayer_
    }))
    .await;
    refusal::<InterestRateSwap::InvalidParties>(deploy(&|terms| {
        terms.floatingPayer_ = Address::ZERO
    }))
    .await;
    refusal::<InterestRateSwap::NoNotional>(deploy(&|terms| terms.notional_ = U256::ZERO)).await;
    let short: InterestRateSwap::ScheduleTooShort =
        refusal(deploy(&|terms| terms.schedule_.truncate(1))).await;
    assert_eq!(short.boundaries, U256::from(1));
    let noon: InterestRateSwap::BoundaryNotMidnight =
        refusal(deploy(&|terms| terms.schedule_[1] += 12 * HOUR)).await;
    assert_eq!(noon.index, U256::from(1));
    let unsorted: InterestRateSwap::ScheduleNotAscending =
        refusal(deploy(&|terms| terms.schedule_[1] = terms.schedule_[0])).await;
    assert_eq!(unsorted.boundary, QUARTERS[0]);
}

#[tokio::test]
async fn quarters_are_named_after_the_calendar() {
    // Last and first days of quarters, a leap day, and a year divisible by 100 that is no leap year.
    let days = [
        (0, "1970-Q1"),
        (90, "1970-Q2"),
        (364, "1970-Q4"),
        (365, "1971-Q1"),
        (11_016, "2000-Q1"),
        (11_017, "2000-Q1"),
        (11_047, "2000-Q1"),
        (11_048, "2000-Q2"),
        (11_138, "2000-Q2"),
        (11_139, "2000-Q3"),
        (11_230, "2000-Q3"),
        (11_231, "2000-Q4"),
        (11_322, "2000-Q4"),
        (11_323, "2001-Q1"),
        (47_571, "2100-Q1"),
        (47_572, "2100-Q2"),
    ];
    let mut schedule: Vec<u64> = days.iter().map(|(day, _)| day * DAY).collect();
    schedule.push(47_573 * DAY);
    let swap = Swap::over(&schedule).await;
    swap.fixture.chain.set_time(47_573 * DAY).await;

    for (index, (_, quarter)) in days.iter().enumerate() {
        let ended: InterestRateSwap::PeriodEnded = event(&send(swap.contract.endPeriod()).await);
        assert_eq!(ended.quarter, *quarter, "period {}", index + 1);
        let length = (schedule[index + 1] - schedule[index]) / DAY;
        assert_eq!(u64::from(ended.dayCount), length);
    }
}
