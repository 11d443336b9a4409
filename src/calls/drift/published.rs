//! The members that the platform publishes for what this room reads: the one home of their names.
//!
//! Facts from its .NET SDK 270.0.0: the models named with each list. Lists of one name are the models of notifications and
//! of answers to reads together; a callback of an answer has two members more (`segments`, `startAlertingTime`), and an
//! analytics participant `attributes`, which only some queries bring. What has a list of its own is looked into; the rest
//! is not: other media than calls, maps whose keys are the customer's or a message's (`attributes`, `messageParams`,
//! `userParams`), and what analytics tells of surveys, evaluations, flows and endpoints.

/// What is known of an object.
#[derive(Debug)]
pub(super) struct Model {
    /// What it is called in a finding.
    pub(super) name: &'static str,
    /// Members that are not looked into.
    values: &'static [&'static str],
    /// Members that are objects, or lists of them.
    parts: &'static [(&'static str, &'static Model)],
}

/// A member that is known.
pub(super) enum Member {
    Value,
    Part(&'static Model),
}

impl Model {
    pub(super) fn member(&self, name: &str) -> Option<Member> {
        if self.values.contains(&name) {
            return Some(Member::Value);
        }
        let part = self.parts.iter().find(|(known, _)| *known == name);
        part.map(|(_, model)| Member::Part(model))
    }
}

macro_rules! published {
    ($($(#[$about:meta])* $model:ident = $name:literal {
        $($value:ident)*;
        $($part:ident: $of:ident),*
    })+) => {$(
        $(#[$about])*
        pub(super) static $model: Model = Model {
            name: $name,
            values: &[$(stringify!($value)),*],
            parts: &[$((stringify!($part), &$of)),*],
        };
    )+};
}

published! {
    /// `ConversationEventTopicConversation`, `Conversation`.
    NESTED = "conversation" {
        id maxParticipants recordingState address externalTag utilizationLabelId accessAttributes securePause
        inactivityTimeout state name startTime endTime conversationIds selfUri;
        participants: PARTICIPANT, recentTransfers: TRANSFER, associatedConversation: REFERENCE,
        consultationConversations: REFERENCE, divisions: DIVISION
    }
    /// `ConversationEventTopicParticipant`, `Participant`.
    PARTICIPANT = "participant" {
        screenRecordingState id connectedTime endTime userId externalContactId externalContactInitialDivisionId
        externalOrganizationId name queueId groupId teamId purpose consultParticipantId address wrapupRequired
        wrapupExpected wrapupPrompt wrapupTimeoutMs startAcwTime endAcwTime alertingTimeoutMs
        monitoredParticipantId screenMonitoredParticipantId coachedParticipantId bargedParticipantId mediaRoles
        flaggedReason attributes chats cobrowsesessions emails messages internalMessages screenMonitorings
        screenshares socialExpressions videos startTime userUri queueName participantType ani aniName dnis
        locale wrapupSkipped evaluations;
        wrapup: WRAPUP, conversationRoutingData: ROUTING_DATA, calls: CALL, callbacks: CALLBACK, workflow: WORKFLOW
    }
    /// `ConversationEventTopicCall`, `Call`.
    CALL = "call" {
        state initialState recordingState disconnectType direction id recording muted confined held securePause
        startHoldTime documentId provider scriptId peerId connectedTime disconnectedTime uuiData bargedTime
        afterCallWorkRequired agentAssistantId transferSource publicIpAddress recordingId startAlertingTime
        clientIpAddress;
        recordersState: RECORDERS, errorInfo: ERROR, self: ADDRESS, other: ADDRESS, disconnectReasons: DISCONNECT_REASON, faxStatus: FAX,
        wrapup: WRAPUP, afterCallWork: AFTER_CALL_WORK, queueMediaSettings: QUEUE_MEDIA, disposition: DISPOSITION, segments: SEGMENT
    }
    /// `ConversationEventTopicCallback`.
    CALLBACK = "callback" {
        state initialState direction disconnectType id held startHoldTime callbackNumbers callbackUserName
        scriptId peerId externalCampaign skipEnabled provider timeoutSeconds connectedTime disconnectedTime
        callbackScheduledTime automatedCallbackConfigId afterCallWorkRequired callerId callerIdName
        startAlertingTime;
        dialerPreview: DIALER_PREVIEW, voicemail: VOICEMAIL, wrapup: WRAPUP, afterCallWork: AFTER_CALL_WORK,
        queueMediaSettings: QUEUE_MEDIA, segments: SEGMENT
    }
    /// `ConversationCallEventTopicCallConversation`.
    FLAT = "conversation (calls)" {
        recordingState id name otherMediaUris address utilizationLabelId accessAttributes inactivityTimeout
        securePause maxParticipants;
        participants: CALL_PARTICIPANT, divisions: DIVISION
    }
    /// `ConversationCallEventTopicCallMediaParticipant`.
    CALL_PARTICIPANT = "participant (calls)" {
        state initialState direction disconnectType flaggedReason recordingState id name address startTime
        connectedTime endTime startHoldTime purpose held wrapupRequired wrapupPrompt attributes wrapupTimeoutMs
        wrapupSkipped alertingTimeoutMs provider externalContactInitialDivisionId peer screenRecordingState
        startAcwTime endAcwTime resumeTime parkTime mediaRoles muted confined recording transferSource
        securePause ani dnis documentId monitoredParticipantId coachedParticipantId bargedParticipantId
        bargedTime consultParticipantId publicIpAddress;
        user: REFERENCE, queue: REFERENCE, team: REFERENCE, group: REFERENCE, script: REFERENCE,
        externalContact: REFERENCE, externalOrganization: REFERENCE, errorInfo: ERROR, wrapup: WRAPUP,
        conversationRoutingData: ROUTING_DATA, journeyContext: JOURNEY, queueMediaSettings: QUEUE_MEDIA,
        recordersState: RECORDERS, disposition: DISPOSITION, faxStatus: FAX
    }
    /// `ConversationEventTopicUriReference`, `ConversationEventTopicDomainEntityRef`.
    REFERENCE = "reference" {
        id name selfUri;
    }
    /// `ConversationEventTopicWrapup`, `Wrapup`.
    WRAPUP = "wrapup" {
        code notes tags durationSeconds endTime name provisional;
    }
    /// `ConversationEventTopicConversationRoutingData`, `ConversationRoutingData`.
    ROUTING_DATA = "conversationRoutingData" {
        priority skillExpression label;
        queue: REFERENCE, language: REFERENCE, skills: REFERENCE,
        skillExpressionId: REFERENCE, scoredAgents: SCORED_AGENT
    }
    /// `ConversationEventTopicScoredAgent`.
    SCORED_AGENT = "scored agent" {
        score;
        agent: REFERENCE
    }
    /// `Segment`.
    SEGMENT = "segment" {
        startTime endTime type howEnded disconnectType;
    }
    /// `ConversationEventTopicRecordersState`.
    RECORDERS = "recordersState" {
        adhocState customerExperienceState agentExperienceState snippetState;
    }
    /// `ConversationEventTopicErrorDetails`, `ConversationCallEventTopicErrorBody`.
    ERROR = "errorInfo" {
        status code message messageWithParams messageParams contextId uri entityId entityName;
        details: ERROR_DETAIL, errors: ERROR, limit: ERROR_LIMIT
    }
    /// `ConversationCallEventTopicDetail`.
    ERROR_DETAIL = "error detail" {
        errorCode fieldName entityId entityName;
    }
    /// `ConversationCallEventTopicLimit`.
    ERROR_LIMIT = "error limit" {
        namespace key value documented;
    }
    /// `ConversationEventTopicAddress`.
    ADDRESS = "address" {
        name nameRaw addressNormalized addressRaw addressDisplayable;
    }
    /// `ConversationEventTopicDisconnectReason`.
    DISCONNECT_REASON = "disconnect reason" {
        type code phrase reason;
    }
    /// `ConversationEventTopicFaxStatus`, `ConversationCallEventTopicFaxStatus`.
    FAX = "faxStatus" {
        direction expectedPages activePage linesTransmitted bytesTransmitted baudRate pageErrors lineErrors
        dataRate;
    }
    /// `ConversationEventTopicAfterCallWork`.
    AFTER_CALL_WORK = "afterCallWork" {
        state startTime endTime;
    }
    /// `ConversationEventTopicQueueMediaSettings`.
    QUEUE_MEDIA = "queueMediaSettings" {
        alertingTimeoutSeconds autoAnswerAlertToneSeconds manualAnswerAlertToneSeconds enableAutoAnswer;
    }
    /// `ConversationEventTopicDisposition`.
    DISPOSITION = "disposition" {
        name analyzer;
        amdTimeout: DISPOSITION_TIMEOUT, silentCallTimeout: DISPOSITION_TIMEOUT
    }
    /// `ConversationEventTopicDispositionAmdTimeout`.
    DISPOSITION_TIMEOUT = "disposition timeout" {
        timeoutMs timerStartEvent timerStartTime timerEndTime;
    }
    /// `ConversationEventTopicDialerPreview`.
    DIALER_PREVIEW = "dialerPreview" {
        id contactId contactListId campaignId;
        phoneNumberColumns: PHONE_COLUMN
    }
    /// `ConversationEventTopicPhoneNumberColumn`.
    PHONE_COLUMN = "phone number column" {
        columnName type;
    }
    /// `ConversationEventTopicVoicemail`.
    VOICEMAIL = "voicemail" {
        uploadStatus id;
    }
    /// `ConversationEventTopicWorkflow`.
    WORKFLOW = "workflow" {
        workflowId;
    }
    /// `ConversationEventTopicTransferResponse`.
    TRANSFER = "transfer" {
        state transferType id dateIssued;
        initiator: TRANSFER_PARTY, modifiedBy: TRANSFER_PARTY, destination: TRANSFER_PARTY
    }
    /// `ConversationEventTopicTransferInitiator`, `ConversationEventTopicTransferModifedBy`,
    /// `ConversationEventTopicTransferDestination`.
    TRANSFER_PARTY = "party of a transfer" {
        userId id selfUri address;
    }
    /// `ConversationEventTopicConversationDivisionMembership`.
    DIVISION = "division" {
        ;
        division: REFERENCE, entities: DIVISION_ENTITY
    }
    /// `ConversationEventTopicDivisionEntityRef`.
    DIVISION_ENTITY = "entity of a division" {
        id selfUri dateDivisionUpdated;
    }
    /// `ConversationCallEventTopicJourneyContext`.
    JOURNEY = "journeyContext" {
        ;
        customer: JOURNEY_CUSTOMER, customerSession: JOURNEY_SESSION, triggeringAction: JOURNEY_ACTION
    }
    /// `ConversationCallEventTopicJourneyCustomer`.
    JOURNEY_CUSTOMER = "journey customer" {
        id idType;
    }
    /// `ConversationCallEventTopicJourneyCustomerSession`.
    JOURNEY_SESSION = "journey session" {
        id type;
    }
    /// `ConversationCallEventTopicJourneyAction`.
    JOURNEY_ACTION = "journey action" {
        id;
        actionMap: JOURNEY_ACTION_MAP
    }
    /// `ConversationCallEventTopicJourneyActionMap`.
    JOURNEY_ACTION_MAP = "journey action map" {
        id version;
    }
    /// `AnalyticsConversationWithoutAttributes`.
    ANALYTICS = "analytics conversation" {
        conversationInitiator originatingDirection accessAttributes associatedConversationId conferenceStart
        consultationConversationIds conversationEnd conversationId conversationStart customerParticipation
        divisionIds externalTag inactivityTimeout knowledgeBaseIds mediaStatsMinConversationMos
        mediaStatsMinConversationRFactor originatingSocialMediaPublic selfServed evaluations surveys
        resolutions;
        participants: ANALYTICS_PARTICIPANT
    }
    /// `AnalyticsParticipantWithoutAttributes`.
    ANALYTICS_PARTICIPANT = "analytics participant" {
        flaggedReason purpose externalContactId externalOrganizationId participantId participantName
        screenRecording teamId userId attributes;
        sessions: ANALYTICS_SESSION
    }
    /// `AnalyticsSession`.
    ANALYTICS_SESSION = "analytics session" {
        deliveryStatus direction engagementSource mediaType routingRuleType usedRouting activeSkillIds
        acwSkipped addressFrom addressOther addressSelf addressTo agentAssistantId agentBullseyeRing agentOwned
        ani assignerId authenticated bargedParticipantId bcc callbackNumbers callbackScheduledTime
        callbackUserName cc cleared coachedParticipantId cobrowseRole cobrowseRoomId deliveryPushed
        deliveryStatusChangeDate destinationAddresses detectedSpeechEnd detectedSpeechStart dispositionAnalyzer
        dispositionName dnis edgeId eligibleAgentCounts errorCodeDescription extendedDeliveryStatus flowInType
        flowOutType journeyActionId journeyActionMapId journeyActionMapVersion journeyCustomerId
        journeyCustomerIdType journeyCustomerSessionId journeyCustomerSessionIdType mediaBridgeId mediaCount
        messageType monitoredParticipantId outboundCampaignId outboundContactId outboundContactListId peerId
        protocolCallId provider recording remote remoteNameDisplayable removedSkillIds requestedRoutings roomId
        routingRing routingRule screenMonitoredUserId screenShareAddressSelf screenShareRoomId scriptId
        selectedAgentId selectedAgentRank sessionDnis sessionId sharingScreen skillExpressionId skipEnabled
        snippetRecording timeoutSeconds videoAddressSelf videoRoomId waitingInteractionCounts agentGroups
        proposedAgents mediaEndpointStats flow;
        metrics: ANALYTICS_METRIC, segments: ANALYTICS_SEGMENT
    }
    /// `AnalyticsConversationSegment`.
    ANALYTICS_SEGMENT = "analytics segment" {
        disconnectType segmentType audioMuted conference destinationConversationId destinationSessionId
        errorCode groupId q850ResponseCodes queueId requestedLanguageId requestedRoutingSkillIds
        requestedRoutingUserIds segmentEnd segmentStart sipResponseCodes sourceConversationId sourceSessionId
        subject videoMuted wrapUpCode wrapUpNote wrapUpTags scoredAgents properties;
    }
    /// `AnalyticsSessionMetric`.
    ANALYTICS_METRIC = "analytics metric" {
        emitDate name value;
    }
    /// `PresenceEventUserPresence`.
    PRESENCE = "presence" {
        source primary message modifiedDate;
        presenceDefinition: PRESENCE_DEFINITION, futurePresenceDefinition: PRESENCE_DEFINITION
    }
    /// `PresenceEventOrganizationPresence`.
    PRESENCE_DEFINITION = "presence definition" {
        id systemPresence;
    }
    /// `UserRoutingStatusUserRoutingStatus`.
    ROUTING_STATUS = "routing status" {
        id;
        routingStatus: ROUTING_STATUS_WORD, errorInfo: ROUTING_STATUS_ERROR
    }
    /// `UserRoutingStatusRoutingStatus`.
    ROUTING_STATUS_WORD = "status of a routing status" {
        status startTime;
    }
    /// `UserRoutingStatusErrorInfo`.
    ROUTING_STATUS_ERROR = "error of a routing status" {
        errorCode status correlationId userMessage userParamsMessage userParams;
    }
    /// `UserStationChangeTopicUserStations`.
    STATIONS = "stations" {
        ;
        associatedStation: STATION
    }
    /// `UserStationChangeTopicUserStation`.
    STATION = "station" {
        id name;
        associatedUser: REFERENCE
    }
    /// `PersistentConnectionChangeTopicPersistentConnectionChangeEvent`.
    PERSISTENT_CONNECTION = "persistent connection" {
        persistentState stationId userId eventTime;
        errorInfo: PERSISTENT_CONNECTION_ERROR
    }
    /// `PersistentConnectionChangeTopicErrorInfo`.
    PERSISTENT_CONNECTION_ERROR = "error of a persistent connection" {
        text code userMessage userParams nestedErrorDetails;
    }
}
