//! The texts, one entry a code. Driver's lines: at most 16 Chinese characters
//! or 40 letters, and they say what to do.

use crate::model::Code;

/// What one code says.
pub(super) struct Text {
    /// Short name, for officers.
    pub(super) title: &'static str,
    /// What happened.
    pub(super) means: &'static str,
    /// What an officer does about it.
    pub(super) advice: &'static str,
    /// Driver's line, 简体.
    pub(super) hans: &'static str,
    /// Driver's line, 繁體.
    pub(super) hant: &'static str,
    /// Driver's line, English.
    pub(super) en: &'static str,
}

macro_rules! texts {
    ($($code:ident: $title:literal, $means:literal, $advice:literal,
        $hans:literal, $hant:literal, $en:literal;)+) => {
        /// The entry of `code`.
        pub(super) const fn text(code: Code) -> &'static Text {
            match code {
                $(Code::$code => &Text {
                    title: $title,
                    means: $means,
                    advice: $advice,
                    hans: $hans,
                    hant: $hant,
                    en: $en,
                }),+
            }
        }
    };
}

texts! {
    PlateUnread: "车牌未识别 no readable plate",
        "no plate was read well enough to identify the truck",
        "Read the plate on the image and supply it",
        "车牌未识别 请等候", "車牌未識別 請等候", "Plate not read - please wait";
    PlateLoose: "车牌待核对 plate only looks alike",
        "the plate read resembles an expected one, or stands alone where two identities are needed",
        "Compare the plate on the image with the declaration and supply it",
        "车牌核对中 请等候", "車牌核對中 請等候", "Plate being checked - please wait";
    DeclarationWrongKind: "单证类型不符 wrong kind of document",
        "the document's number or form cannot be what this load or class needs",
        "Ask for the right document",
        "单证类型不符 请等候", "單證類型不符 請等候", "Wrong document - please wait";
    DeclarationHeld: "单证暂停放行 declaration held",
        "customs has put the declaration on hold",
        "Ask the declaring office",
        "单证待处理 请等候", "單證待處理 請等候", "Declaration held - please wait";
    DeclarationUnusable: "单证数据无法使用 declaration unusable",
        "the declaration arrived in a shape that cannot be used",
        "Ask the authority to send it again",
        "单证待处理 请等候", "單證待處理 請等候", "Document fault - please wait";
    DeclarationNotYet: "未到申报时间 too early",
        "the declaration's window has not begun",
        "Let it wait or return it",
        "未到通关时间 请等候", "未到通關時間 請等候", "Too early - please wait";
    DeclarationUnsettled: "上次通行未确认 last passage unsettled",
        "nobody saw how the last passage on this declaration ended",
        "Find out whether the truck passed; a release may resume the old passage",
        "通行记录核对中 请等候", "通行記錄核對中 請等候", "Last passage unclear - please wait";
    SealStale: "关锁状态过时 seal report stale",
        "the seal's report is too old, undated, replayed or says no state",
        "Look at the seal and have it report again",
        "关锁核对中 请等候", "關鎖核對中 請等候", "Seal being checked - please wait";
    ContainerCheckDigit: "箱号校验错误 container misread",
        "the number read has no ISO 6346 shape or a wrong check digit",
        "Read the number on the image and supply it",
        "箱号核对中 请等候", "箱號核對中 請等候", "Container no. unclear - please wait";
    WeightMissing: "无称重数据 no weight",
        "the scale gave no weight for this truck",
        "Check the scale, weigh again",
        "称重中 请等候", "稱重中 請等候", "No weight - please wait";
    WeightUnstable: "重量未稳定 weight unstable",
        "the weight did not settle",
        "Have the driver stand still and weigh again",
        "请停稳 等候称重", "請停穩 等候稱重", "Stand still on the scale";
    ScaleNotEmptyBefore: "地磅未归零 scale not seen empty",
        "the scale was not seen empty since the truck before left",
        "Weigh again from an empty scale",
        "称重中 请等候", "稱重中 請等候", "Weighing again - please wait";
    ScaleNotWhole: "未完全上磅 not wholly on the scale",
        "the truck does not stand wholly on the platform",
        "Have the driver move on to the platform",
        "请整车停上地磅", "請整車停上地磅", "Move fully onto the scale";
    ScaleOverload: "地磅超量程 scale overloaded",
        "the scale is beyond its range",
        "Weigh elsewhere",
        "地磅超量程 请等候", "地磅超量程 請等候", "Scale overload - please wait";
    ClassUnknown: "企业类别不明 class unknown",
        "no class of the policy covers the enterprise or its declaration",
        "Look the enterprise up; have the policy or the data mended",
        "企业资料核对中 请等候", "企業資料核對中 請等候", "Company unknown - please wait";
    ConvoyIncomplete: "车队未到齐 convoy incomplete",
        "not all trucks of the batch have come",
        "Let it wait for the others",
        "同批车辆未齐 请等候", "同批車輛未齊 請等候", "Convoy incomplete - please wait";
    CacheStale: "数据过期 cache stale",
        "what is known from customs is older than the class allows",
        "Check the line to customs; decide by its own documents",
        "系统核对中 请等候", "系統核對中 請等候", "System check - please wait";
    ClockUnknown: "时钟不可信 clock unknown",
        "the controller's clock is not confirmed, so windows cannot be judged",
        "Wait for synchronisation or decide by hand",
        "系统核对中 请等候", "系統核對中 請等候", "System check - please wait";
    DeviceLost: "设备失联 device lost",
        "a device that must give evidence does not answer",
        "Check the device; look for yourself what it would have read",
        "设备检查中 请等候", "設備檢查中 請等候", "Equipment check - please wait";
    StoreUnavailable: "数据库不可用 store unavailable",
        "the declarations could not be looked up",
        "Decide by the documents; tell the engineer on call",
        "系统核对中 请等候", "系統核對中 請等候", "System check - please wait";
    StoreUnverified: "数据未核实 store unverified",
        "part of the declarations is being fetched again",
        "Wait until it is verified",
        "系统核对中 请等候", "系統核對中 請等候", "System check - please wait";
    JournalUnavailable: "日志不可写 journal unavailable",
        "the journal has no room for releases",
        "Tell the engineer on call",
        "系统维护 请等候", "系統維護 請等候", "System check - please wait";
    ClaimUnavailable: "他处通道放行 another controller's",
        "another controller may release this declaration, not this one",
        "Send the truck there or decide by hand",
        "请等候 改道办理", "請等候 改道辦理", "Other lane needed - please wait";
    ClaimTaken: "同单竞争 balance contended",
        "the balance kept moving while this truck was being decided",
        "Check who else is using the declaration",
        "请等候 正在核对", "請等候 正在核對", "Being checked - please wait";
    PlateContradiction: "车牌矛盾 plates contradict",
        "a plate read is not the one declared for this vehicle, or is another truck's",
        "Compare all plates with the documents",
        "车牌不符 请到查验区", "車牌不符 請到查驗區", "Plates differ - drive to the bay";
    DeclarationNone: "无申报 no declaration",
        "no declaration expects this truck",
        "Ask for its documents",
        "无申报 请到查验区", "無申報 請到查驗區", "Not declared - drive to the bay";
    DeclarationOtherPort: "非本口岸 other port",
        "it is declared for another port",
        "Send it to its port",
        "非本口岸 请到查验区", "非本口岸 請到查驗區", "Wrong port - drive to the bay";
    DeclarationOtherDirection: "方向不符 other direction",
        "it is declared for the other direction",
        "Check import or export",
        "方向不符 请到查验区", "方向不符 請到查驗區", "Wrong direction - drive to the bay";
    DeclarationExpired: "申报已过期 expired",
        "the declaration's window is over",
        "Have it declared again",
        "申报过期 请到查验区", "申報過期 請到查驗區", "Expired - drive to the bay";
    DeclarationRevoked: "申报已撤销 revoked",
        "customs has withdrawn the declaration",
        "Ask the declaring office",
        "申报撤销 请到查验区", "申報撤銷 請到查驗區", "Revoked - drive to the bay";
    DeclarationSpent: "申报已使用 spent",
        "the declaration was used by an earlier passage, or its inspection has no finding yet",
        "Look for the earlier passage and its finding",
        "申报已用 请到查验区", "申報已用 請到查驗區", "Already used - drive to the bay";
    SealMissing: "缺少关锁 seal missing",
        "a seal that must be there was not read",
        "Look for the seal",
        "缺少关锁 请到查验区", "缺少關鎖 請到查驗區", "Seal missing - drive to the bay";
    SealUnexpected: "多余关锁 undeclared seal",
        "a seal was read that is not declared",
        "Compare the seals with the documents",
        "关锁不符 请到查验区", "關鎖不符 請到查驗區", "Undeclared seal - drive to the bay";
    SealWrong: "关锁号不符 wrong seal",
        "another seal was read in place of the declared one",
        "Compare the seals with the documents",
        "关锁不符 请到查验区", "關鎖不符 請到查驗區", "Wrong seal - drive to the bay";
    SealOpen: "关锁已开 seal open",
        "the seal says it is open or cut",
        "Look at the seal and the doors",
        "关锁已开 请到查验区", "關鎖已開 請到查驗區", "Seal open - drive to the bay";
    SealAlarm: "关锁报警 seal alarm",
        "the seal reports an alarm",
        "Look at the seal and its history",
        "关锁报警 请到查验区", "關鎖報警 請到查驗區", "Seal alarm - drive to the bay";
    ContainerMissing: "未见申报箱 container missing",
        "a declared container was not read",
        "Look for the container",
        "箱号不符 请到查验区", "箱號不符 請到查驗區", "No container read - drive to the bay";
    ContainerWrong: "箱号不符 wrong container",
        "a container was read that is not declared",
        "Compare the containers with the documents",
        "箱号不符 请到查验区", "箱號不符 請到查驗區", "Wrong container - drive to the bay";
    TrailerWrong: "挂车不符 wrong trailer",
        "the trailer read is not declared, or a declared one was not read where it must be",
        "Compare the trailer with the documents",
        "挂车不符 请到查验区", "掛車不符 請到查驗區", "Wrong trailer - drive to the bay";
    DriverWrong: "司机不符 wrong driver",
        "the card read is not the declared driver's",
        "Check the driver's papers",
        "司机不符 请到查验区", "司機不符 請到查驗區", "Wrong driver - drive to the bay";
    WeightWholeTruckOver: "整车超重 whole truck too heavy",
        "the truck weighs more than its theoretical total and tolerance",
        "Weigh again, then look for undeclared goods",
        "重量不符 请到查验区", "重量不符 請到查驗區", "Too heavy - drive to the bay";
    WeightWholeTruckUnder: "整车偏轻 whole truck too light",
        "the truck weighs less than its theoretical total and tolerance",
        "Weigh again, then look for missing goods",
        "重量不符 请到查验区", "重量不符 請到查驗區", "Too light - drive to the bay";
    WeightContainerOver: "空箱超重 box too heavy",
        "a box declared empty weighs more than its tare",
        "Look into the box",
        "箱重不符 请到查验区", "箱重不符 請到查驗區", "Box too heavy - drive to the bay";
    WeightContainerUnder: "箱重偏轻 box too light",
        "the box weighs less than its declared tare",
        "Compare the box with the documents",
        "箱重不符 请到查验区", "箱重不符 請到查驗區", "Box too light - drive to the bay";
    WeightGoodsOver: "货物超重 goods too heavy",
        "the goods weigh more than declared",
        "Count and weigh the goods",
        "货重不符 请到查验区", "貨重不符 請到查驗區", "Goods too heavy - drive to the bay";
    WeightGoodsUnder: "货物偏轻 goods too light",
        "the goods weigh less than declared, or are not there",
        "Count and weigh the goods",
        "货重不符 请到查验区", "貨重不符 請到查驗區", "Goods too light - drive to the bay";
    EnterpriseSuspended: "企业暂停 enterprise suspended",
        "the enterprise may not use automatic release",
        "Clear it by its documents",
        "企业待办 请到查验区", "企業待辦 請到查驗區", "Company on hold - drive to the bay";
    EnterprisePapersOverdue: "单证逾期 papers overdue",
        "papers due after an earlier release have not come",
        "Clear it by its documents; have the papers handed in",
        "单证逾期 请到查验区", "單證逾期 請到查驗區", "Papers overdue - drive to the bay";
    EnterpriseSettlementOverdue: "集报逾期 settlement overdue",
        "lists of the enterprise are not settled in time",
        "Clear it by its documents; have the lists settled",
        "集报逾期 请到查验区", "集報逾期 請到查驗區", "Lists overdue - drive to the bay";
    ListTripsOver: "车次用完 no trip left",
        "all trips of the list are issued",
        "Have a new list declared",
        "车次用完 请到查验区", "車次用完 請到查驗區", "No trips left - drive to the bay";
    ListQuantityOver: "数量不足 not enough quantity left",
        "this trip's goods exceed what is left of the list",
        "Have a new list declared",
        "数量不足 请到查验区", "數量不足 請到查驗區", "Quantity used up - drive to the bay";
    SamplingSelected: "抽查 selected",
        "chosen by the class's sampling plan, nothing was found wrong",
        "Inspect and record the finding",
        "抽中查验 请到查验区", "抽中查驗 請到查驗區", "Random check - drive to the bay";
    SealBatteryLow: "关锁电量低 seal battery low",
        "the seal's battery is low",
        "Tell the operator of the seal",
        "关锁电量低", "關鎖電量低", "Seal battery low";
    PlateExtra: "多余车牌 extra plate",
        "a plate was read of a kind the vehicle does not declare",
        "Nothing; note it if it comes again",
        "车牌核对完毕", "車牌核對完畢", "Extra plate noted";
    ControlActive: "布控 control in force",
        "customs ordered this for the truck, its load, driver or enterprise",
        "Do as the control says",
        "布控查验 听从指挥", "布控查驗 聽從指揮", "Customs check - follow instructions";
}
