package audit

import (
	"maps"
	"slices"
	"strings"

	"example.com/autoprovision/shared/fault"
)

// Action is what follows from an event.
type Action string

// The actions.
const (
	// LookAtUser looks at whoever the event names.
	LookAtUser Action = "user"
	// LookAtMember looks at the member that the event names or, if that is a
	// group, at everybody in it; at nobody when the group bears on no scope.
	LookAtMember Action = "member"
	// LookAtGroup looks at everybody in the group, under the same condition.
	LookAtGroup Action = "group"
	// SweepGroups asks for a sweep, under the same condition, which holds when the event names no group.
	SweepGroups Action = "groups"
	// Sweep asks for a sweep.
	Sweep Action = "sweep"
	// ReviewService shows that the app was switched on or off in the Admin console.
	ReviewService Action = "service"
	// ReviewGoogle shows that Google's own autoprovisioning of the app is on.
	ReviewGoogle Action = "autoprovisioning"
	// Ignore: known, and of no account.
	Ignore Action = "ignore"
)

// Table says what follows from which event. Its keys are what Name makes of an event's name.
type Table map[string]Action

// Name is the form in which names are compared: Google writes one event as
// CREATE_USER and as createUser, and is renaming events.
func Name(event string) string { return strings.ToLower(strings.ReplaceAll(event, "_", "")) }

// NewTable returns a table of lists of names, separated by spaces.
func NewTable(lists map[Action]string) Table {
	t := Table{}
	for action, names := range lists {
		for name := range strings.FieldsSeq(names) {
			t[Name(name)] = action
		}
	}
	return t
}

// actions are what With knows.
var actions = []Action{LookAtUser, LookAtMember, LookAtGroup, SweepGroups, Sweep, ReviewService, ReviewGoogle, Ignore}

// With is the table with other or further events, as an operator writes them
// when Google renames or adds some: "user=someEvent ANOTHER_EVENT; ignore=third".
// fault.Invalid when it cannot be read.
func (t Table) With(text string) (Table, error) {
	with := maps.Clone(t)
	for list := range strings.SplitSeq(text, ";") {
		if strings.TrimSpace(list) == "" {
			continue
		}
		name, events, _ := strings.Cut(list, "=")
		action := Action(strings.TrimSpace(name))
		if !slices.Contains(actions, action) || len(strings.Fields(events)) == 0 {
			return nil, fault.New(fault.Invalid, "audit: table", "%q is no list of events: write an action of %v, = and names of events, and ; between lists",
				strings.TrimSpace(list), actions)
		}
		for event := range strings.FieldsSeq(events) {
			with[Name(event)] = action
		}
	}
	return with, nil
}

// DefaultTable is the events of the Admin log
// (developers.google.com/workspace/admin/reports/v1/appendix/activity/admin-event-names)
// and of the Enterprise Groups log that bear on accounts.
func DefaultTable() Table {
	return NewTable(map[Action]string{
		LookAtUser: `createUser deleteUser undeleteUser suspendUser unsuspendUser archiveUser unarchiveUser
			renameUser moveUserToOrgUnit changeFirstName changeLastName changeUserOrganization changeUserPhoneNumber
			changeUserAddress changeUserExternalId changeUserRelation changeUserLanguage changeUserCustomField
			addNickname removeNickname grantAdminPrivilege revokeAdminPrivilege`,
		LookAtMember: `addGroupMember removeGroupMember updateGroupMember UpdateMembership`,
		LookAtGroup:  `createGroup`,
		SweepGroups:  `deleteGroup groupMemberBulkUpload`,
		Sweep: `usersBulkUpload createOrgUnit removeOrgUnit moveOrgUnit editOrgUnitName
			addSecondaryDomain removeSecondaryDomain changePrimaryDomain`,
		ReviewService: `toggleServiceEnabled`,
		ReviewGoogle: `createAutoProvConfig updateAutoProvStatus createUserWithAutoProv createUserByAutoProvisioning
			updateAutoProvisionedUser suspendAutoProvisionedUser unsuspendAutoProvisionedUser
			hardDeletedAutoProvisionedUser hardDeleteAutoProvisionedUser`,
		Ignore: `deleteAutoProvConfig updateAutoProvConfigCredentials updateAutoProvConfigConnectionUrl
			autoProvConfigAttributeMappingUpdated autoProvConfigAttributeMappingRemoved autoProvConfigGroupNameAdded
			autoProvConfigGroupRestrictionDeactivated autoProvDeprovActionRemoved`,
	})
}
