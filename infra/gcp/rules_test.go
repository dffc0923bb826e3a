package gcp

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// bindings are role|member|condition of a policy.
func bindings(policy object) map[string]bool {
	rows := map[string]bool{}
	list, _ := policy["bindings"].([]any)
	for _, b := range list {
		binding := b.(object)
		condition, _ := binding["condition"].(object)
		members, _ := binding["members"].([]any)
		for _, m := range members {
			rows[fmt.Sprintf("%v|%v|%s", binding["role"], m, text(condition, "expression"))] = true
		}
	}
	return rows
}

func (c *cloud) policy(q request, key, verb string) (object, error) {
	policy := c.policies[key]
	if policy == nil {
		policy = object{"etag": "BwA=", "version": 1}
	}
	if verb == "getIamPolicy" {
		return policy, nil
	}
	news, _ := q.body["policy"].(object)
	if text(news, "etag") != text(policy, "etag") {
		return nil, &failure{http.StatusConflict, "ABORTED", "There were concurrent policy changes."}
	}
	for row := range bindings(news) {
		if err := c.member(strings.Split(row, "|")[1]); err != nil {
			return nil, err
		}
	}
	c.serial++
	news["etag"] = base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%06d", c.serial))
	c.policies[key] = news
	return news, nil
}

// member refuses a service account of the project that is not there, or not seen yet.
func (c *cloud) member(who string) error {
	if who == "serviceAccount:"+agent && !c.agent {
		return invalid("Service account " + agent + " does not exist.")
	}
	email, ok := strings.CutPrefix(who, "serviceAccount:")
	if !ok || !strings.HasSuffix(email, "@"+project+".iam.gserviceaccount.com") {
		return nil
	}
	if _, known := c.things["iam projects/"+project+"/serviceAccounts/"+email]; !known || c.unseen > 0 {
		c.unseen--
		return invalid("Service account " + email + " does not exist.")
	}
	return nil
}

// metric refuses an alert about a log-based metric that is not there, or was made
// so lately that Monitoring does not know it.
func (c *cloud) metric(policy object) error {
	found := metricType.FindStringSubmatch(fmt.Sprint(policy["conditions"]))
	if found == nil {
		return nil
	}
	key := "logging projects/" + project + "/metrics/autoprovision_" + found[1]
	if _, ok := c.things[key]; !ok || c.late["metric"] > 0 {
		c.late["metric"]--
		return &failure{http.StatusNotFound, "NOT_FOUND", "Cannot find metric that matches type = \"" + found[0] + "\". If a metric was created recently, it could take up to 10 minutes to become available."}
	}
	return nil
}

// alertRules refuses what Monitoring does
// (cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.alertPolicies).
func alertRules(policy object) error {
	conditions, _ := policy["conditions"].([]any)
	for _, c := range conditions {
		threshold, _ := c.(object)["conditionThreshold"].(object)
		if text(threshold, "evaluationMissingData") != "" && text(threshold, "duration") == "0s" {
			return invalid("evaluation_missing_data needs a duration of at least 60 seconds.")
		}
	}
	strategy, _ := policy["alertStrategy"].(object)
	ways, _ := strategy["notificationChannelStrategy"].([]any)
	for _, way := range ways {
		for _, name := range way.(object)["notificationChannelNames"].([]any) {
			if channels, _ := policy["notificationChannels"].([]any); !slices.Contains(channels, name) {
				return invalid(fmt.Sprintf("%v is not a channel of the policy.", name))
			}
		}
	}
	return nil
}

// needs says what a resource needs and is not there.
func (c *cloud) needs(k kind, full string, thing object) error {
	needed := map[string]string{} // by what needs it
	account := func(email string) {
		if email != "" {
			needed["iam projects/"+project+"/serviceAccounts/"+email] = email
		}
	}
	switch k.collection {
	case "indexes":
		needed["firestore "+full[:strings.Index(full, "/collectionGroups")]] = "the database"
	case "subscriptions":
		needed["pubsub "+text(thing, "topic")] = "the topic"
		if dead, ok := thing["deadLetterPolicy"].(object); ok {
			needed["pubsub "+text(dead, "deadLetterTopic")] = "the dead letter topic"
		}
		if push, ok := thing["pushConfig"].(object); ok {
			account(text(push["oidcToken"].(object), "serviceAccountEmail"))
		}
	case "functions":
		account(text(thing["serviceConfig"].(object), "serviceAccountEmail"))
		build := text(thing["buildConfig"].(object), "serviceAccount")
		account(build[strings.LastIndex(build, "/")+1:])
	case "jobs":
		account(text(thing["httpTarget"].(object)["oidcToken"].(object), "serviceAccountEmail"))
	case "alertPolicies":
		channels, _ := thing["notificationChannels"].([]any)
		for _, name := range channels {
			needed["monitoring "+name.(string)] = "the channel"
		}
		if err := c.metric(thing); err != nil {
			return err
		}
		if err := alertRules(thing); err != nil {
			return err
		}
	}
	for key := range needed {
		if _, ok := c.things[key]; !ok {
			return notFound(key)
		}
	}
	return nil
}
